import { parentPort, workerData } from 'node:worker_threads';
import { checkBinary, InvalidBinary } from './check';
import { instrument } from './instrument';

/** Entry of the thread that reads one binary: whatever that makes it do happens here, not in Kitten's own thread. */
export interface LoaderInput {
  bytes: Uint8Array<ArrayBuffer>;
  preemptible: boolean;
}
export type Loaded = { module: WebAssembly.Module; memoryPages: number } | { refusal: string };

try {
  const { bytes, preemptible } = workerData as LoaderInput;
  const binary = checkBinary(bytes);
  const module = new WebAssembly.Module(instrument(binary, preemptible));
  parentPort!.postMessage({ module, memoryPages: binary.memoryPages } satisfies Loaded);
} catch (thrown) {
  if (!(thrown instanceof InvalidBinary || thrown instanceof WebAssembly.CompileError)) throw thrown;
  parentPort!.postMessage({ refusal: thrown.message } satisfies Loaded);
}
