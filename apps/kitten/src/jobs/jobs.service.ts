import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { jobCalls } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { PinoLogger } from 'nestjs-pino';
import type { KittenConfig } from '../config';
import { KittenService } from '../kitten.service';
import { JobTable } from './job-table';

/** The host's native jobs on the bus. */
@Injectable()
export class JobsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly table: JobTable;
  private readonly subscriptions: Stoppable[] = [];

  constructor(
    @Config() private readonly config: KittenConfig,
    private readonly bus: Bus,
    private readonly kitten: KittenService,
    private readonly log: PinoLogger,
  ) {
    log.setContext('Jobs');
    const { kernel } = kitten;
    const { incarnation } = kernel.inventory();
    this.table = new JobTable(config.V3_HOST, incarnation, kernel, ({ id, state, reason }) => {
      log.info({ job: id, state, reason }, 'job ended');
      kitten.beat();
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    const { bus, table, kitten, log } = this;
    const host = this.config.V3_HOST;
    this.subscriptions.push(
      bus.serve(jobCalls.create, host, async order => {
        const job = await table.create(order).catch((thrown: unknown) => {
          kitten.refused(thrown);
          throw thrown;
        });
        log.info({ job: job.id, program: job.program, cores: job.cores }, 'job started');
        kitten.beat();
        return job;
      }),
      bus.serve(jobCalls.list, host, () => ({ jobs: table.list() })),
      bus.serve(jobCalls.get, host, ({ job }) => table.get(job)),
      bus.serve(jobCalls.kill, host, ({ job }) => table.kill(job)),
      bus.serve(jobCalls.delete, host, ({ job }) => {
        table.delete(job);
        return {};
      }),
      bus.serve(jobCalls.output, host, ({ job, ...query }) => table.output(job, query)),
    );
    await bus.flush();
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.stop();
    await this.table.stop();
  }
}
