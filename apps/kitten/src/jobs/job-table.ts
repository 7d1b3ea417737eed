import { setTimeout as delay } from 'node:timers/promises';
import {
  jobIncarnation,
  jobLimits,
  readJobId,
  V3Error,
  type Job,
  type JobOrder,
  type JobOutput,
  type jobOutputQuery,
} from '@v3vee/contracts';
import { BinaryLoader, NativeJob, type JobEnd, type LoadedBinary } from '@v3vee/native';
import type { z } from 'zod';
import type { HostKernel } from '../host-kernel';
import { MIB } from '../host-resources';
import type { NativeTask } from '../native-tasks';

/** Bytes of output in one answer, about. */
const ANSWER_BYTES = 256 << 10;

interface Entry {
  job: Job;
  native: NativeJob;
}

type OutputQuery = z.output<typeof jobOutputQuery>;

/**
 * The native jobs of one host, after Kitten's loader: for each rank an address space with all its memory, seen by the
 * other ranks (SMARTMAP), a task on a core of its own, and a thread. They are this process's and end with it.
 */
export class JobTable {
  private readonly entries = new Map<string, Entry>();
  private readonly loader = new BinaryLoader();
  private readonly start: string;
  private count = 0;

  constructor(
    private readonly host: string,
    incarnation: string,
    private readonly kernel: HostKernel,
    private readonly onEnd: (job: Job) => void = () => undefined,
  ) {
    this.start = jobIncarnation(incarnation);
  }

  /**
   * @throws V3Error JOB_BINARY_INVALID, HOST_MEMORY_EXHAUSTED, HOST_CORES_EXHAUSTED, HOST_NOT_CLAIMED, INVALID_REQUEST:
   *   a rank's memory does not do for the binary
   */
  async create(order: JobOrder): Promise<Job> {
    const binary = await this.loader.load(Buffer.from(order.binary, 'base64'));
    const id = `${this.host}-${this.start}-${++this.count}`;
    const tasks = this.createTasks(id, order);
    try {
      return this.run(id, order, binary, tasks);
    } catch (thrown) {
      this.endTasks(tasks);
      throw thrown;
    }
  }

  list(): Job[] {
    return [...this.entries.values()].map(entry => this.shown(entry));
  }

  /** @throws V3Error JOB_NOT_FOUND */
  get(id: string): Job {
    return this.shown(this.entry(id));
  }

  /** Ends it; of a job that has ended nothing changes. @throws V3Error JOB_NOT_FOUND */
  async kill(id: string): Promise<Job> {
    const entry = this.entry(id);
    entry.native.kill('it was told to end');
    await entry.native.ended;
    return this.shown(entry);
  }

  /** @throws V3Error JOB_NOT_FOUND, JOB_WRONG_STATE while it runs */
  delete(id: string): void {
    const { job } = this.entry(id);
    if (job.state === 'RUNNING') {
      throw new V3Error('JOB_WRONG_STATE', `job ${id} runs; kill it before it is deleted`);
    }
    this.entries.delete(id);
  }

  /** Waits for what was not there yet, if it is asked to. @throws V3Error JOB_NOT_FOUND */
  async output(id: string, { after, rank, stream, waitSeconds }: OutputQuery): Promise<JobOutput> {
    const { job, native } = this.entry(id);
    const log = native.output;
    if (waitSeconds > 0 && job.state === 'RUNNING' && log.length <= after) {
      const over = new AbortController();
      const { signal } = over;
      await Promise.race([
        log.longerThan(after),
        native.ended,
        delay(waitSeconds * 1000, undefined, { signal }).catch(() => undefined),
      ]);
      over.abort();
    }
    const pieces: JobOutput['pieces'] = [];
    let next = after;
    for (let bytes = 0; next < log.length && bytes < ANSWER_BYTES; next++) {
      const piece = log.piece(next);
      if ((rank ?? piece.rank) !== piece.rank || (stream ?? piece.stream) !== piece.stream) continue;
      bytes += piece.data.length;
      pieces.push({
        rank: piece.rank,
        stream: piece.stream,
        data: Buffer.from(piece.data).toString('base64'),
      });
    }
    return { pieces, next, ended: job.state !== 'RUNNING' && next >= log.length };
  }

  /** Ends all that runs; resolves when their threads are gone. */
  async stop(): Promise<void> {
    const running = [...this.entries.values()];
    for (const { native } of running) native.kill('its Kitten was stopped');
    await Promise.all(running.map(({ native }) => native.ended));
  }

  private createTasks(id: string, { ranks, memoryMiB, share }: JobOrder): NativeTask[] {
    const { free, count } = this.kernel.cores;
    if (this.kernel.claimed && free < ranks && !share) {
      throw new V3Error(
        'HOST_CORES_EXHAUSTED',
        `the job asks for ${ranks} cores of ${this.host}, one for each rank; ${free} of its ${count} are free. ` +
          'Ask for fewer ranks, let them share cores, or stop a VM or a job there',
      );
    }
    const tasks: NativeTask[] = [];
    try {
      for (let rank = 0; rank < ranks; rank++) {
        const name = `job/${id}/${rank}`;
        tasks.push(this.kernel.natives.create({ name, memoryBytes: memoryMiB * MIB, share }));
      }
    } catch (thrown) {
      this.endTasks(tasks);
      throw thrown;
    }
    for (const { aspace } of tasks) tasks.forEach((peer, rank) => aspace.smartmap(rank, peer.aspace));
    return tasks;
  }

  private endTasks(tasks: readonly NativeTask[]): void {
    for (const { id } of tasks) this.kernel.natives.end(id);
  }

  private run(id: string, order: JobOrder, binary: LoadedBinary, tasks: readonly NativeTask[]): Job {
    const { program, args, env, ranks, memoryMiB, timeoutSeconds } = order;
    const native = new NativeJob({
      binary,
      memoryBytes: memoryMiB * MIB,
      gates: tasks.map(({ gate }) => gate.buffer),
      args: [program, ...args],
      env,
      timeLimitMs: timeoutSeconds * 1000,
    });
    const job: Job = {
      ...{ id, host: this.host, program, sha256: binary.sha256, args, ranks, memoryMiB, timeoutSeconds },
      state: 'RUNNING',
      reason: 'its ranks run',
      failedRank: null,
      exitCode: null,
      cores: tasks.map(({ core }) => core),
      outputBytes: 0,
      createdAt: new Date().toISOString(),
      endedAt: null,
    };
    const entry = { job, native };
    this.entries.set(id, entry);
    void native.ended.then(end => {
      this.endTasks(tasks);
      Object.assign(job, outcome(end), { cores: [], endedAt: new Date().toISOString() });
      this.forgetOld();
      this.onEnd(this.shown(entry));
    });
    return this.shown(entry);
  }

  private forgetOld(): void {
    const ended = [...this.entries.values()].filter(({ job }) => job.state !== 'RUNNING');
    const excess = this.entries.size - jobLimits.kept;
    for (const { job } of ended.slice(0, Math.max(0, excess))) this.entries.delete(job.id);
  }

  private shown({ job, native }: Entry): Job {
    return { ...job, outputBytes: native.output.bytes };
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (entry) return entry;
    const known = readJobId(id);
    const why =
      known && known.incarnation !== this.start
        ? `it was a job of an earlier Kitten of ${this.host}; that was restarted, and its jobs ended with it`
        : known && known.number <= this.count
          ? `it was deleted, or forgotten: a host knows its last ${jobLimits.kept} jobs`
          : 'there was none of this name';
    throw new V3Error('JOB_NOT_FOUND', `there is no job ${id}: ${why}`);
  }
}

function outcome(end: JobEnd): Pick<Job, 'state' | 'reason' | 'failedRank' | 'exitCode'> {
  switch (end.state) {
    case 'COMPLETED':
      return { state: 'COMPLETED', reason: 'all its ranks ended with 0', failedRank: null, exitCode: 0 };
    case 'KILLED':
      return { state: 'KILLED', reason: end.reason, failedRank: null, exitCode: null };
    default:
      return {
        state: 'FAILED',
        reason: `rank ${end.rank}: ${end.reason}`,
        failedRank: end.rank,
        exitCode: end.exitCode,
      };
  }
}
