import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withTraps } from './instruction-traps';

let compiled: Promise<WebAssembly.Module> | undefined;

const original = () => readFile(join(dirname(require.resolve('v86')), 'v86.wasm'));

/** The engine's WebAssembly module with our traps, compiled once per process and shared by all guests' threads. */
export function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= original().then(bytes => WebAssembly.compile(withTraps(bytes)));
  return compiled;
}

/** As it comes. */
export const bareEngineModule = async (): Promise<WebAssembly.Module> =>
  WebAssembly.compile(await original());
