import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { kittenCalls, kittenHeartbeat, V3Error } from '@v3vee/contracts';
import { Config, Readiness } from '@v3vee/service';
import { PinoLogger } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import type { KittenConfig } from './config';
import { CoreTime } from './core-time';
import { HostKernel } from './host-kernel';

const HEARTBEAT_MS = 1_000;

/** The host's kernel on the bus. */
@Injectable()
export class KittenService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly kernel: HostKernel;
  /** Requests turned down, by code. */
  readonly refusals = new Map<string, number>();
  private readonly subscriptions: Stoppable[] = [];
  private readonly coreTime: CoreTime;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Config() private readonly config: KittenConfig,
    private readonly bus: Bus,
    private readonly log: PinoLogger,
    readiness: Readiness,
  ) {
    log.setContext('Kitten');
    const incarnation = randomUUID();
    this.coreTime = new CoreTime(bus, config.V3_HOST, incarnation);
    this.kernel = new HostKernel(
      {
        name: config.V3_HOST,
        incarnation,
        memoryMiB: config.V3_HOST_MEMORY_MIB,
        cores: config.V3_HOST_CORES,
        schedHz: config.V3_SCHED_HZ,
        overcommit: config.V3_HOST_OVERCOMMIT,
        nics: config.V3_HOST_NICS,
        radios: config.V3_HOST_RADIOS,
      },
      { onGrants: this.coreTime.changed },
    );
    // Not the claim: that is Palacios's to make, and it starts after this service is ready.
    readiness.add('kitten', () => this.timer !== undefined || 'not serving yet');
  }

  async onApplicationBootstrap(): Promise<void> {
    const { bus, kernel, log } = this;
    const host = this.config.V3_HOST;
    this.subscriptions.push(
      bus.serve(kittenCalls.allocate, host, ({ task, memoryMiB }) =>
        this.change(() => {
          const allocation = kernel.allocate(task, memoryMiB);
          log.info(allocation, 'allocated');
          return allocation;
        }),
      ),
      bus.serve(kittenCalls.moveCore, host, ({ task, core }) =>
        this.change(() => {
          const allocation = kernel.moveCore(task, core);
          log.info(allocation, 'moved to another core');
          return allocation;
        }),
      ),
      bus.serve(kittenCalls.resize, host, ({ task, memoryMiB }) =>
        this.change(() => {
          const allocation = kernel.resize(task, memoryMiB);
          log.info(allocation, 'resized');
          return allocation;
        }),
      ),
      bus.serve(kittenCalls.free, host, ({ task }) =>
        this.change(() => {
          const freed = kernel.free(task);
          if (freed) log.info({ task }, 'freed');
          return { freed };
        }),
      ),
      bus.serve(kittenCalls.claim, host, ({ allocations }) =>
        this.change(() => {
          kernel.claim(allocations);
          log.info({ tasks: allocations.map(({ task }) => task) }, 'claimed');
          return {};
        }),
      ),
      bus.serve(kittenCalls.inventory, host, () => kernel.inventory()),
      bus.serve(kittenCalls.memory, host, () => kernel.memoryMap()),
      bus.serve(kittenCalls.tasks, host, () => kernel.taskList()),
      bus.serve(kittenCalls.schedule, host, ({ task, policy }) =>
        this.change(() => kernel.setPolicy(task, policy)),
      ),
    );
    this.coreTime.start(kernel);
    await bus.flush();
    this.timer = setInterval(() => this.beat(), HEARTBEAT_MS);
    this.beat();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    for (const subscription of this.subscriptions) subscription.stop();
    this.coreTime.stop();
    this.kernel.stop();
  }

  /** Whoever shows this host need not wait for the next second to see a change. */
  private change<T>(action: () => T): T {
    try {
      const result = action();
      this.beat();
      return result;
    } catch (thrown) {
      this.refused(thrown);
      throw thrown;
    }
  }

  /** A request was turned down. */
  refused(thrown: unknown): void {
    const { code, message } = V3Error.from(thrown);
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    this.log.warn({ code }, message);
  }

  beat(): void {
    this.bus.announce(kittenHeartbeat, this.config.V3_HOST, this.kernel.inventory());
  }
}
