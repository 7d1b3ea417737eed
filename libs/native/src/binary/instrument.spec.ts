import { binary, op, printer, type BinaryParts } from '../testing/binary.fixture';
import { checkBinary, InvalidBinary } from './check';
import { instrument } from './instrument';
import { ADDED, WASI_MODULE } from './imports';

const ADAPTER = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0],
  ...[2, 7, 1, 1, 0x6d, 1, 0x66, 0, 0, 7, 5, 1, 1, 0x66, 0, 0],
]);

/** The instrumented binary, with a look that is counted and fills in `fuel`. */
function instance(parts: BinaryParts, { pages = 1, fuel = 100 } = {}) {
  const module = new WebAssembly.Module(instrument(checkBinary(binary(parts) as Uint8Array<ArrayBuffer>)));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const calls = { looks: 0, prints: 0 };
  const { exports } = new WebAssembly.Instance(module, {
    [ADDED.memory.module]: { [ADDED.memory.name]: memory },
    [WASI_MODULE]: { fd_write: () => ((calls.prints += 1), 0) },
  });
  const global = (name: string) => exports[name] as WebAssembly.Global;
  const look = () => {
    calls.looks++;
    global(ADDED.fuel).value = fuel;
  };
  const adapter = new WebAssembly.Instance(new WebAssembly.Module(ADAPTER), { m: { f: look } });
  (exports[ADDED.gate] as WebAssembly.Table).set(0, adapter.exports['f']);
  global(ADDED.fuel).value = fuel;
  global(ADDED.limit).value = pages;
  return { start: exports['_start'] as () => void, exports, memory, calls };
}

/** Counts up in memory at 16 until that is `rounds`. */
const counting = (rounds: number) =>
  op.loop(
    op.i32(16),
    [...op.i32(16), ...op.load, ...op.i32(1), 0x6a],
    op.store,
    op.i32(rounds),
    [...op.i32(16), ...op.load, 0x4b],
    op.leaveUnless,
  );
const at = (memory: WebAssembly.Memory, address: number) =>
  new DataView(memory.buffer).getInt32(address, true);

describe('an instrumented binary', () => {
  it('looks at its gate once in so many rounds of its loops, and does what it did', () => {
    const { start, memory, calls } = instance({ code: [counting(10_000)] }, { fuel: 1_000 });
    start();
    expect(at(memory, 16)).toBe(10_000);
    // Every 256th round takes 256, and the look comes when there is less than none: with every fourth of 39.
    expect(calls.looks).toBe(9);
  });

  it('looks when functions call each other without a loop, and not in functions that call none', () => {
    // _start calls itself until the counter at 16 is 5000.
    const again = [...op.i32(16), ...op.load, ...op.i32(5000), 0x48, 0x04, 0x40, ...op.call(0), 0x0b];
    const count = [...op.i32(16), ...op.i32(16), ...op.load, ...op.i32(1), 0x6a, ...op.store];
    const recursive = instance({ code: [count, again] }, { fuel: 99 });
    recursive.start();
    expect([at(recursive.memory, 16), recursive.calls.looks]).toEqual([5000, 50]);
    const leaf = instance({ code: [count] }, { fuel: 0 });
    leaf.start();
    expect([at(leaf.memory, 16), leaf.calls.looks]).toEqual([1, 0]);
  });

  it('keeps its imports, its data and its calls', () => {
    const { start, calls, memory } = instance(printer('hello'));
    start();
    expect(calls.prints).toBe(1);
    expect(Buffer.from(new Uint8Array(memory.buffer)).subarray(64, 69).toString()).toBe('hello');
  });

  it('grows within the memory that it was given, never beyond', () => {
    const store = (address: number, value: number[]) => [...op.i32(address), ...value, ...op.store];
    const { start, memory } = instance(
      {
        memoryPages: 2,
        code: [
          store(0, op.memorySize),
          store(4, [...op.i32(3), ...op.memoryGrow]),
          store(8, op.memorySize),
          store(12, [...op.i32(1), ...op.memoryGrow]),
          store(16, [...op.i32(-1), ...op.memoryGrow]),
          store(20, [...op.i32(0), ...op.memoryGrow]),
        ],
      },
      { pages: 5 },
    );
    start();
    expect([0, 4, 8, 12, 16, 20].map(address => at(memory, address))).toEqual([2, 2, 5, -1, -1, 5]);
    expect(memory.buffer.byteLength).toBe(5 * 65_536);
  });

  it('has tables with an end', () => {
    const grown = (entries: number) => [
      ...op.i32(0),
      ...op.refNull,
      ...op.i32(entries),
      ...op.tableGrow,
      ...op.store,
    ];
    const allowed = instance({ table: 1, code: [grown(65_535)] });
    allowed.start();
    expect(at(allowed.memory, 0)).toBe(1);
    const refused = instance({ table: 1, code: [grown(65_536)] });
    refused.start();
    expect(at(refused.memory, 0)).toBe(-1);
  });

  it('has its start function called when the host is ready for it', () => {
    const { exports, calls } = instance({ ...printer('hello'), asStart: true });
    expect(calls.prints).toBe(0);
    (exports[ADDED.start] as () => void)();
    expect(calls.prints).toBe(1);
  });
});

describe('a binary is refused', () => {
  const check = (bytes: Uint8Array) => () => checkBinary(bytes as Uint8Array<ArrayBuffer>);
  const good = binary({ code: [] });
  it.each<[string, Uint8Array, string]>([
    ['that is none', Buffer.from('#!/bin/sh\n'), 'it is not a WebAssembly binary'],
    ['that is cut off', good.slice(0, -3), 'it is not a valid WebAssembly module'],
    [
      'that wants what is not there',
      binary({ imports: ['system'], code: [] }),
      'it imports "kitten" "system"',
    ],
    ['whose tables are too large', binary({ table: 65_537, code: [] }), 'its tables have 65537 entries'],
    [
      'that is a library',
      Uint8Array.from(
        Buffer.from(Buffer.from(good).toString('latin1').replace('_start', '_other'), 'latin1'),
      ),
      'it does not export a function "_start"',
    ],
    [
      'that hides its memory',
      Uint8Array.from(
        Buffer.from(Buffer.from(good).toString('latin1').replace('memory', 'memmmm'), 'latin1'),
      ),
      'it does not export its memory as "memory"',
    ],
  ])('%s', (_, bytes, message) => {
    expect(check(bytes)).toThrow(message);
    expect(check(bytes)).toThrow(InvalidBinary);
  });

  it('takes any bytes behind the header without a crash', () => {
    let seed = 11;
    const random = (below: number) => (seed = Math.imul(seed, 48271) & 0x7fffffff) % below;
    for (let i = 0; i < 2_000; i++) {
      const broken = good.slice();
      for (let n = 0; n < 1 + random(4); n++) broken[8 + random(broken.length - 8)] = random(256);
      let result: unknown;
      try {
        result = new WebAssembly.Module(instrument(checkBinary(broken as Uint8Array<ArrayBuffer>)));
      } catch (thrown) {
        result = thrown;
      }
      const name = (result as object).constructor.name;
      expect(['Module', 'InvalidBinary', 'CompileError']).toContain(name);
    }
  });
});
