import { signed, sized, text, unsigned } from '../binary/encode';
import { WASI_MODULE } from '../binary/imports';

/** Instructions that the tests write programs with; `[op, …immediates]`. */
export const op = {
  unreachable: [0x00],
  forever: [0x03, 0x40, 0x0c, 0x00, 0x0b], // loop br 0 end
  call: (index: number) => [0x10, ...unsigned(index)],
  drop: [0x1a],
  i32: (value: number) => [0x41, ...signed(value)],
  i64: (value: bigint) => [0x42, ...signed64(value)],
  load: [0x28, 2, 0],
  store: [0x36, 2, 0],
  memorySize: [0x3f, 0],
  memoryGrow: [0x40, 0],
  tableGrow: [0xfc, 15, 0],
  refNull: [0xd0, 0x70],
  /** What stands between runs as long as the loop is not left by `br_if 1`. */
  loop: (...body: number[][]) => [0x02, 0x40, 0x03, 0x40, ...body.flat(), 0x0c, 0x00, 0x0b, 0x0b],
  leaveUnless: [0x45, 0x0d, 0x01], // i32.eqz br_if 1
};

const I32 = 0x7f;
const I64 = 0x7e;
/** Signatures of what the tests import. */
const signatures: Record<string, [parameters: number[], results: number[]]> = {
  fd_write: [[I32, I32, I32, I32], [I32]],
  proc_exit: [[I32], []],
  rank: [[], [I32]],
  size: [[], [I32]],
  barrier: [[], []],
  allreduce_sum: [[I32, I32], [I32]],
  smartmap_read: [[I64, I32, I32], [I32]],
  smartmap_write: [[I64, I32, I32], [I32]],
};

export interface BinaryParts {
  /** Names; WASI's but for Kitten's. The first has function index 0. */
  imports?: readonly string[];
  /** `_start`, whose index is behind the imports'. */
  code: readonly (readonly number[])[];
  memoryPages?: number;
  /** Of a table of functions, entries to begin with. */
  table?: number;
  data?: { at: number; bytes: Uint8Array };
  /** `_start` is the start function, and not exported: another one is, which does nothing. */
  asStart?: boolean;
}

/** A whole binary of few instructions. */
export function binary({
  imports = [],
  code,
  memoryPages = 1,
  table,
  data,
  asStart,
}: BinaryParts): Uint8Array {
  const own = imports.length;
  const types = [[0x60, 0, 0], ...imports.map(name => signature(name))];
  const vector = (entries: readonly (readonly number[])[]) => [
    ...unsigned(entries.length),
    ...entries.flat(),
  ];
  const module = (name: string) =>
    name.includes('_') && !/^(allreduce|smartmap)/.test(name) ? WASI_MODULE : 'kitten';
  const body = (...parts: (readonly number[])[]) => {
    const content = [0, ...parts.flat(), 0x0b];
    return [...unsigned(content.length), ...content];
  };
  const sections: [id: number, content: number[]][] = [
    [1, vector(types)],
    [2, vector(imports.map((name, i) => [...text(module(name)), ...text(name), 0, ...unsigned(i + 1)]))],
    [3, vector([[0], [0]])],
    ...(table === undefined ? [] : [[4, vector([[0x70, 0, ...unsigned(table)]])] as [number, number[]]]),
    [5, vector([[0, ...unsigned(memoryPages)]])],
    [
      7,
      vector([
        [...text('memory'), 2, 0],
        [...text('_start'), 0, ...unsigned(asStart ? own + 1 : own)],
      ]),
    ],
    ...(asStart ? [[8, unsigned(own)] as [number, number[]]] : []),
    [10, vector([body(...code), body()])],
    ...(data
      ? [
          [11, vector([[0, ...op.i32(data.at), 0x0b, ...unsigned(data.bytes.length), ...data.bytes]])] as [
            number,
            number[],
          ],
        ]
      : []),
  ];
  const chosen = sections.filter(([, content]) => content.length > 1 || content[0] !== 0);
  return new Uint8Array(
    Buffer.concat([
      Buffer.from('\0asm\x01\0\0\0', 'latin1'),
      ...chosen.flatMap(([id, content]) => [Uint8Array.of(id), ...sized([Uint8Array.from(content)])]),
    ]),
  );
}

function signature(name: string): number[] {
  const [parameters, results] = signatures[name] ?? [[], []];
  return [0x60, parameters.length, ...parameters, results.length, ...results];
}

/** Writes the same bytes again and again; the calls come in a loop. */
export function printer(message: string, ...after: number[][]): BinaryParts {
  const bytes = Buffer.from(message);
  const vector = Buffer.alloc(8);
  vector.writeUInt32LE(64, 0);
  vector.writeUInt32LE(bytes.length, 4);
  return {
    imports: ['fd_write'],
    data: { at: 48, bytes: Buffer.concat([vector, Buffer.alloc(8), bytes]) },
    code: [[...op.i32(1), ...op.i32(48), ...op.i32(1), ...op.i32(32), ...op.call(0), ...op.drop], ...after],
  };
}

function signed64(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asIntN(64, value); ;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const last = (rest === 0n && byte < 0x40) || (rest === -1n && byte >= 0x40);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}
