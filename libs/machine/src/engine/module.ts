import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

let compiled: Promise<WebAssembly.Module> | undefined;

/** The engine's WebAssembly module, compiled once per process and shared by all guests' threads. */
export function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= readFile(join(dirname(require.resolve('v86')), 'v86.wasm')).then(bytes =>
    WebAssembly.compile(bytes),
  );
  return compiled;
}
