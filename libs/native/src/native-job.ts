import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { jobLimits, V3Error } from '@v3vee/contracts';
import type { LoadedBinary } from './binary/loader';
import { WASM_PAGE } from './limits';
import { OutputLog } from './output-log';
import { Communicator, communicatorBytes } from './rank/communicator';
import type { FromRank, RankSetup } from './rank/protocol';

const THREAD = resolve(__dirname, '../dist/rank/rank-thread.js');
/** MiB that a rank's thread allocates before V8 collects its garbage: each reading of the clock makes some. */
const NURSERY_MIB = 16;
/** Of V8 in a rank's thread; the rank's own memory does not count. A nursery is a third of the young generation. */
const RESOURCE_LIMITS = {
  maxOldGenerationSizeMb: 64,
  maxYoungGenerationSizeMb: 3 * NURSERY_MIB,
  stackSizeMb: 4,
};

export interface JobRequest {
  binary: LoadedBinary;
  /** Of each rank. */
  memoryBytes: number;
  /** One for each rank, which its scheduler opens and closes; see {@link GATE_BYTES}. */
  gates: readonly SharedArrayBuffer[];
  /** The program's name first. */
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  timeLimitMs: number;
}

export type JobEnd =
  | { state: 'COMPLETED' }
  /** `rank` and why; the other ranks were ended. */
  | { state: 'FAILED'; reason: string; rank: number; exitCode: number | null }
  | { state: 'KILLED'; reason: string };

/**
 * A job that runs: a thread for each rank, which has all its memory from the start. It ends as a whole: when all ranks
 * have ended with 0, or when one has not.
 */
export class NativeJob {
  readonly output = new OutputLog(jobLimits.outputBytes);
  /** Resolved once no thread of it is left. */
  readonly ended: Promise<JobEnd>;
  private readonly workers: Worker[];
  private readonly left: Set<number>;
  private readonly shared: SharedArrayBuffer;
  private readonly timer: NodeJS.Timeout;
  private end: JobEnd | undefined;

  /** @throws V3Error INVALID_REQUEST where the memory does not do for the binary, HOST_MEMORY_EXHAUSTED */
  constructor(private readonly request: JobRequest) {
    const { gates, timeLimitMs } = request;
    this.left = new Set(gates.keys());
    this.shared = new SharedArrayBuffer(communicatorBytes(gates.length));
    const memories = allocateMemories(request);
    this.workers = gates.map((gate, rank) => this.startRank(rank, gate, memories));
    this.timer = setTimeout(
      () => this.kill(`it ran longer than its time limit of ${timeLimitMs / 1_000} s`),
      timeLimitMs,
    );
    this.ended = Promise.all(this.workers.map(gone)).then(() => {
      clearTimeout(this.timer);
      return this.end as JobEnd;
    });
  }

  kill(reason: string): void {
    this.finish({ state: 'KILLED', reason });
  }

  private startRank(rank: number, gate: SharedArrayBuffer, memories: readonly WebAssembly.Memory[]): Worker {
    const { binary, args, env = {} } = this.request;
    const setup: RankSetup = {
      module: binary.module,
      rank,
      memories,
      gate,
      shared: this.shared,
      args,
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      outputBytes: jobLimits.outputBytes,
    };
    // A nursery begins with 1 MiB: hundreds of collections a second are noise to a program that reads its clock all the
    // time (docs/LABS.md, kitten). No limit of a worker says with how much, only this does.
    setFlagsFromString(`--min-semi-space-size=${NURSERY_MIB}`);
    const worker = new Worker(THREAD, {
      workerData: setup,
      resourceLimits: RESOURCE_LIMITS,
      name: `rank ${rank}`,
      env: {},
    });
    worker.on('message', (message: FromRank) => this.heard(rank, message));
    worker.on('error', (error: NodeJS.ErrnoException) =>
      this.fail(
        rank,
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? "it used up the engine's memory" : error.message,
      ),
    );
    worker.on('exit', () => {
      if (this.left.has(rank)) this.fail(rank, 'its thread ended');
    });
    return worker;
  }

  private heard(rank: number, message: FromRank): void {
    if (message.type === 'output') {
      if (!this.output.add({ rank, stream: message.stream, data: message.data })) {
        this.fail(rank, `the job prints more than ${jobLimits.outputBytes} bytes`);
      }
    } else if (message.type === 'failed') {
      this.fail(rank, message.reason);
    } else if (message.code !== 0) {
      this.fail(rank, `it ended with exit code ${message.code}`, message.code);
    } else {
      this.left.delete(rank);
      if (this.left.size === 0) this.finish({ state: 'COMPLETED' });
      else Communicator.markEnded(this.shared);
    }
  }

  private fail(rank: number, reason: string, exitCode: number | null = null): void {
    this.finish({ state: 'FAILED', reason, rank, exitCode });
  }

  /** What ends it first is why it ended. */
  private finish(end: JobEnd): void {
    if (this.end) return;
    this.end = end;
    for (const worker of this.workers) void worker.terminate();
  }
}

const gone = (worker: Worker): Promise<void> => new Promise(done => worker.once('exit', () => done()));

function allocateMemories({ binary, memoryBytes, gates }: JobRequest): WebAssembly.Memory[] {
  const pages = Math.floor(memoryBytes / WASM_PAGE);
  if (pages < binary.memoryPages) {
    throw new V3Error(
      'INVALID_REQUEST',
      `the binary needs ${Math.ceil((binary.memoryPages * WASM_PAGE) / (1 << 20))} MiB of memory to begin with; ` +
        `a rank would have ${memoryBytes / (1 << 20)} MiB`,
    );
  }
  try {
    return gates.map(() => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  } catch (error) {
    throw new V3Error('HOST_MEMORY_EXHAUSTED', `the machine under the host: ${(error as Error).message}`);
  }
}
