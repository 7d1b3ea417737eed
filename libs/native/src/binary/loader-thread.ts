import { parentPort, workerData } from 'node:worker_threads';
import { V3Error } from '@v3vee/contracts';
import { checkBinary } from './check';
import { instrument } from './instrument';

/** Entry of the thread that reads one binary: whatever that makes it do happens here, not in Kitten's own thread. */
export interface LoaderInput {
  bytes: Uint8Array<ArrayBuffer>;
  preemptible: boolean;
}
export type Loaded =
  { module: WebAssembly.Module; memoryPages: number } | { code: V3Error['code']; message: string };

try {
  const { bytes, preemptible } = workerData as LoaderInput;
  const binary = checkBinary(bytes);
  const module = new WebAssembly.Module(instrument(binary, preemptible));
  parentPort!.postMessage({ module, memoryPages: binary.memoryPages } satisfies Loaded);
} catch (thrown) {
  const { code, message } =
    thrown instanceof WebAssembly.CompileError
      ? new V3Error('JOB_BINARY_INVALID', `it can't be instrumented: ${thrown.message}`)
      : V3Error.from(thrown);
  parentPort!.postMessage({ code, message } satisfies Loaded);
}
