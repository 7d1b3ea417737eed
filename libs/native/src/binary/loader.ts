import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { jobLimits, V3Error } from '@v3vee/contracts';
import { BINARY_LIMITS } from '../limits';
import type { Loaded, LoaderInput } from './loader-thread';

const THREAD = resolve(__dirname, '../../dist/binary/loader-thread.js');
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, stackSizeMb: 4 };
/** Binaries that are kept compiled. */
const KEPT = 8;

/** A checked, instrumented and compiled binary. */
export interface LoadedBinary {
  sha256: string;
  module: WebAssembly.Module;
  /** WebAssembly pages that it wants at least. */
  memoryPages: number;
}

export interface LoadOptions {
  /** Its loops look at its gate. Without, nothing but its end stops it: to measure what the looks cost. */
  preemptible?: boolean;
}

/** Loads binaries, each once while it is remembered. */
export class BinaryLoader {
  private readonly known = new Map<string, Promise<LoadedBinary>>();
  /** One at a time: what one takes is bounded, what many take is not. */
  private last: Promise<unknown> = Promise.resolve();

  /** @throws V3Error JOB_BINARY_INVALID that says what is wrong with it */
  load(bytes: Uint8Array, { preemptible = true }: LoadOptions = {}): Promise<LoadedBinary> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const key = preemptible ? sha256 : `${sha256} as it is`;
    let loading = this.known.get(key);
    if (!loading) {
      loading = this.last.then(() => readBinary({ bytes: bytes.slice(), preemptible }, sha256));
      this.last = loading.catch(() => undefined);
    }
    // At the end of the line, as what was used last.
    this.known.delete(key);
    this.known.set(key, loading);
    for (const old of [...this.known.keys()].slice(0, -KEPT)) this.known.delete(old);
    loading.catch(() => this.known.delete(key));
    return loading;
  }
}

async function readBinary(workerData: LoaderInput, sha256: string): Promise<LoadedBinary> {
  const { length } = workerData.bytes;
  if (length > jobLimits.binaryBytes) {
    throw invalid(`it has ${length} bytes; at most ${jobLimits.binaryBytes} are taken`);
  }
  const worker = new Worker(THREAD, {
    workerData,
    resourceLimits: RESOURCE_LIMITS,
    name: 'loader',
    env: {},
  });
  let loaded: Loaded;
  try {
    [loaded] = await once(worker, 'message', { signal: AbortSignal.timeout(BINARY_LIMITS.loadMs) });
  } catch (error) {
    const { name, message } = error as Error;
    throw invalid(
      name === 'AbortError' ? `reading it takes longer than ${BINARY_LIMITS.loadMs / 1_000} s` : message,
    );
  } finally {
    void worker.terminate();
  }
  if ('refusal' in loaded) throw invalid(loaded.refusal);
  return { sha256, ...loaded };
}

const invalid = (why: string) => new V3Error('JOB_BINARY_INVALID', `the binary can't be run: ${why}`);
