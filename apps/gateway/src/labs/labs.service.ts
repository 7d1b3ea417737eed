import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { V3Error, type LabInfo, type LabProgress } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { LabRunRepository, type LabRunEnd, type LabRunEntity } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';
import { LabCatalogue } from './lab-catalogue';
import { clearLabFolder, labFolder, makeLabFolder } from './lab-folder';
import { LabProcess } from './lab-process';

interface Running {
  id: string;
  process: LabProcess;
  /** Why it was told to end before its time. */
  ending?: Pick<LabRunEnd, 'state' | 'reason'>;
  over: Promise<void>;
}

/**
 * Runs labs, one at a time, and keeps their results: rows in the store, drawings in files. A run belongs to this process
 * and ends with it.
 */
@Injectable()
export class Labs implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly folder: string;
  private readonly catalogue: LabCatalogue;
  private running: Running | undefined;
  private recovery = Promise.resolve();
  private isStopping = false;

  constructor(
    @Config() private readonly config: GatewayConfig,
    private readonly runs: LabRunRepository,
    private readonly log: PinoLogger,
  ) {
    this.folder = join(config.V3_STATE_DIR, 'labruns');
    this.catalogue = new LabCatalogue(config.V3_LAB_PROGRAM);
    log.setContext(Labs.name);
  }

  /** What an earlier process left under way has failed; it holds its place until nothing of it is left. */
  async onApplicationBootstrap(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const left = await this.runs.unfinished();
    this.recovery = Promise.all(
      left.map(async ({ id }) => {
        await this.clear(id, this.config.V3_LAB_STOP_MS);
        await this.end(id, { state: 'FAILED', reason: 'the gateway was restarted during it' });
      }),
    ).then(() => undefined);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    if (this.running) this.stop(this.running, { state: 'FAILED', reason: 'the gateway stopped meanwhile' });
    await Promise.all([this.running?.over, this.recovery]);
  }

  list(): Promise<LabInfo[]> {
    return this.catalogue.list();
  }

  /** @throws V3Error LAB_NOT_FOUND, LAB_BUSY */
  async begin(name: string, runs: number | undefined, actor: string): Promise<LabRunEntity> {
    const { name: lab } = await this.catalogue.require(name);
    if (this.isStopping) throw new V3Error('SERVICE_UNAVAILABLE', 'the gateway is stopping');
    const id = randomUUID();
    const row = await this.runs.insert({ id, lab, runs: runs ?? null, reason: 'it is under way', actor });
    try {
      await makeLabFolder(id);
      const process = new LabProcess({
        ...{ program: this.config.V3_LAB_PROGRAM, lab, runs: row.runs },
        ...{ svg: this.plotFile(id), folder: labFolder(id), onProgress: this.teller(id) },
      });
      const running: Running = { id, process, over: Promise.resolve() };
      running.over = this.follow(running);
      this.running = running;
      // The gateway was told to stop while this began.
      if (this.isStopping) await this.beforeApplicationShutdown();
    } catch (error) {
      await this.end(id, { state: 'FAILED', reason: `it cannot be started: ${(error as Error).message}` });
      throw error;
    }
    return row;
  }

  /** @throws V3Error LABRUN_NOT_FOUND */
  async get(id: string): Promise<LabRunEntity> {
    const row = await this.runs.get(id);
    if (row) return row;
    throw new V3Error('LABRUN_NOT_FOUND', `there is no run "${id}" of a lab; /v1/labruns lists them`);
  }

  /** @throws V3Error LABRUN_NOT_FOUND, LABRUN_WRONG_STATE */
  async cancel(id: string, actor: string): Promise<LabRunEntity> {
    const row = await this.get(id);
    const { running } = this;
    if (row.endedAt !== null) throw wrongState(row, 'only one that is under way is cancelled');
    if (running?.id !== row.id) throw wrongState(row, 'it is being ended already');
    await this.runs.tell(row.id, { reason: 'it is being cancelled: what it started is stopped' });
    this.stop(running, { state: 'CANCELLED', reason: `cancelled by ${actor}` });
    return this.get(row.id);
  }

  /** @throws V3Error LABRUN_NOT_FOUND, LABRUN_WRONG_STATE */
  async remove(id: string): Promise<void> {
    const row = await this.get(id);
    if (!(await this.runs.remove(row.id))) throw wrongState(row, 'cancel it first');
    await rm(this.plotFile(row.id), { force: true });
  }

  /** SVG. @throws V3Error LABRUN_NOT_FOUND, LABRUN_WRONG_STATE */
  async plot(id: string): Promise<string> {
    const row = await this.get(id);
    if (row.state !== 'COMPLETED') throw wrongState(row, 'only one that has completed is drawn');
    return readFile(this.plotFile(row.id), 'utf8').catch(cause => {
      throw new V3Error('LABRUN_WRONG_STATE', `the drawing of run ${row.id} is gone`, { cause });
    });
  }

  /** @param id of a row: a UUID, so that the path stays in the folder */
  private plotFile(id: string): string {
    return join(this.folder, `${id}.svg`);
  }

  /** The first reason counts. */
  private stop(running: Running, why: Running['ending']): void {
    if (running.ending) return;
    running.ending = why;
    running.process.stop(this.config.V3_LAB_STOP_MS);
  }

  /** Never rejects: how it went is in its row. */
  private async follow(running: Running): Promise<void> {
    const { id, process } = running;
    const outcome = await process.results.then(
      (rows): LabRunEnd => ({ state: 'COMPLETED', reason: 'it has run to its end', rows }),
      (error: Error): LabRunEnd => ({ state: 'FAILED', reason: error.message }),
    );
    await this.clear(id, 0);
    const end = running.ending ?? outcome;
    if (end.state !== 'COMPLETED') await rm(this.plotFile(id), { force: true });
    await this.end(id, end);
    this.running = undefined;
  }

  private async clear(id: string, graceMs: number): Promise<void> {
    await clearLabFolder(id, graceMs).catch(error =>
      this.log.error({ err: error, labrun: id }, 'what a lab left behind was not removed'),
    );
  }

  private async end(id: string, end: LabRunEnd): Promise<void> {
    await this.runs.end(id, end).catch(error =>
      // Without the store there is nowhere to write to; at its next start the gateway ends what was left.
      this.log.error({ err: error, labrun: id }, 'the outcome of a lab was not recorded'),
    );
  }

  /** Writes the latest that was told, one at a time. */
  private teller(id: string): (progress: LabProgress) => void {
    let latest: LabProgress | undefined;
    let isWriting = false;
    const write = async () => {
      isWriting = true;
      while (latest) {
        const progress = latest;
        latest = undefined;
        await this.runs
          .tell(id, { progress })
          .catch(error => this.log.warn({ err: error, labrun: id }, 'how far a lab is was not recorded'));
      }
      isWriting = false;
    };
    return progress => {
      latest = progress;
      if (!isWriting) void write();
    };
  }
}

const wrongState = ({ id, state }: LabRunEntity, right: string) =>
  new V3Error('LABRUN_WRONG_STATE', `run ${id} is ${state}; ${right}`);
