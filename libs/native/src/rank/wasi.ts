import { randomFillSync } from 'node:crypto';
import type { OutputBuffer } from './output';
import type { OutputStream, RankSetup } from './protocol';

const SUCCESS = 0;
const INVALID = 28;
const NOT_SUPPORTED = 58;
const RANDOM_CHUNK = 65_536;
/** Of WASI's poll: the kind that is a clock, and its flag for a point in time. */
const CLOCK = 0;
const ABSOLUTE = 1;
const REALTIME = 0;

export interface Wasi {
  imports: WebAssembly.ModuleImports;
  /** @returns the exit code @throws WebAssembly.RuntimeError and what else ends a program */
  run(memory: WebAssembly.Memory, start: () => void): number;
}

/**
 * WASI preview 1 for a rank: arguments, environment, clocks, random numbers, standard input at its end, standard output
 * and error, exit code. No file, no folder, no socket. The library's own calls but for those that do not know shared
 * memory, count an argument's characters for bytes, or wait by spinning.
 */
export async function createWasi(
  setup: RankSetup,
  output: OutputBuffer,
  wait: (action: () => void) => void,
): Promise<Wasi> {
  const { WASI, ConsoleStdout, File, OpenFile } = await import('@bjorn3/browser_wasi_shim');
  const printer = (stream: OutputStream) => new ConsoleStdout(data => output.write(stream, data.slice()));
  const descriptors = [new OpenFile(new File([])), printer('stdout'), printer('stderr')];
  const wasi = new WASI([...setup.args], [...setup.env], descriptors);
  const memory = setup.memories[setup.rank] as WebAssembly.Memory;
  const view = () => new DataView(memory.buffer);

  const imports = {
    ...wasi.wasiImport,
    args_sizes_get(count: number, bytes: number): number {
      view().setUint32(count, setup.args.length, true);
      view().setUint32(bytes, Buffer.byteLength(setup.args.join('\0')) + 1, true);
      return SUCCESS;
    },
    random_get(pointer: number, length: number): number {
      const target = new Uint8Array(memory.buffer, pointer >>> 0, length >>> 0);
      for (let at = 0; at < target.length; at += RANDOM_CHUNK) {
        const chunk = new Uint8Array(Math.min(RANDOM_CHUNK, target.length - at));
        target.set(randomFillSync(chunk), at);
      }
      return SUCCESS;
    },
    /** One clock at a time, which is what a C library's sleep asks for. */
    poll_oneoff(subscription: number, event: number, count: number, events: number): number {
      if (count !== 1) return count === 0 ? INVALID : NOT_SUPPORTED;
      const data = view();
      if (data.getUint8(subscription + 8) !== CLOCK) return NOT_SUPPORTED;
      const ms = Number(data.getBigUint64(subscription + 24, true)) / 1e6;
      const absolute = data.getUint16(subscription + 40, true) & ABSOLUTE;
      const now = data.getUint32(subscription + 16, true) === REALTIME ? Date.now() : performance.now();
      const word = new Int32Array(new SharedArrayBuffer(4));
      wait(() => Atomics.wait(word, 0, 0, Math.max(absolute ? ms - now : ms, 0)));
      data.setBigUint64(event, data.getBigUint64(subscription, true), true);
      data.setUint16(event + 8, SUCCESS, true);
      data.setUint8(event + 10, CLOCK);
      data.setUint32(events, 1, true);
      return SUCCESS;
    },
    sched_yield: () => SUCCESS,
  };
  return {
    imports: imports as WebAssembly.ModuleImports,
    run: (ownMemory, start) => wasi.start({ exports: { memory: ownMemory, _start: start } }),
  };
}
