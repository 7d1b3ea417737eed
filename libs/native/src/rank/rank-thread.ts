import { parentPort, workerData } from 'node:worker_threads';
import { ADDED, WASI_MODULE } from '../binary/imports';
import { Communicator } from './communicator';
import { FuelGauge, Gate } from './gate';
import { kittenCalls } from './kitten-calls';
import { OutputBuffer } from './output';
import type { FromRank, RankSetup } from './protocol';
import { createWasi } from './wasi';

/** Entry of a rank's thread: it runs one program once. */

const port = parentPort!;
const setup = workerData as RankSetup;
const post = (message: FromRank) => port.postMessage(message);

/** Imports a function and exports it: only a function of WebAssembly can be an entry of a table. */
const ADAPTER = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // header
  ...[1, 4, 1, 0x60, 0, 0], // type () -> ()
  ...[2, 7, 1, 1, 0x6d, 1, 0x66, 0, 0], // import "m" "f"
  ...[7, 5, 1, 1, 0x66, 0, 0], // export "f"
]);

interface Exports {
  _start: () => void;
  [ADDED.start]?: () => void;
  [ADDED.fuel]: WebAssembly.Global;
  [ADDED.limit]: WebAssembly.Global;
  [ADDED.gate]: WebAssembly.Table;
}

async function main(): Promise<void> {
  const { module, rank, memories, shared } = setup;
  const memory = memories[rank] as WebAssembly.Memory;
  const output = new OutputBuffer(setup.outputBytes, (stream, data) =>
    post({ type: 'output', stream, data }),
  );
  const gate = new Gate(setup.gate);
  const gauge = new FuelGauge();
  /** What it does not count as its time. */
  const wait = (action: () => void) => {
    gate.used(gauge.stretch(performance.now()));
    output.flush();
    try {
      action();
      gate.pass();
    } finally {
      gauge.resume(performance.now());
    }
  };
  try {
    const wasi = await createWasi(setup, output, wait);
    const communicator = new Communicator(shared, rank, memories.length);
    const { module: from, name } = ADDED.memory;
    const instance = new WebAssembly.Instance(module, {
      [WASI_MODULE]: wasi.imports,
      kitten: kittenCalls(setup, communicator, wait),
      [from]: { [name]: memory },
    });
    const exports = instance.exports as unknown as Exports;
    const fuel = exports[ADDED.fuel];
    exports[ADDED.limit].value = memory.buffer.byteLength / 65_536;
    exports[ADDED.gate].set(
      0,
      lookOf(() => {
        const now = performance.now();
        const took = gauge.stretch(now);
        fuel.value = gauge.refill(took);
        gate.used(took);
        output.flushOld(now);
        gate.pass();
        gauge.resume(performance.now());
      }),
    );
    gate.pass();
    gauge.resume(performance.now());
    const code = wasi.run(memory, () => {
      exports[ADDED.start]?.();
      exports._start();
    });
    gate.used(gauge.stretch(performance.now()));
    output.flush();
    post({ type: 'exit', code });
  } catch (error) {
    output.flush();
    post({ type: 'failed', reason: reasonOf(error) });
  }
}

function lookOf(look: () => void): () => void {
  const adapter = new WebAssembly.Instance(new WebAssembly.Module(ADAPTER), { m: { f: look } });
  return adapter.exports['f'] as () => void;
}

function reasonOf(error: unknown): string {
  if (error instanceof WebAssembly.RuntimeError) return `it trapped: ${error.message}`;
  if (error instanceof RangeError && error.message.includes('call stack'))
    return 'it trapped: stack overflow';
  if (error instanceof WebAssembly.LinkError) return `it can't be linked: ${error.message}`;
  return error instanceof Error ? error.message : 'it threw an exception';
}

void main();
