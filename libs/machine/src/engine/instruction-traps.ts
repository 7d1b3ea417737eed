/**
 * The engine's WebAssembly module with traps in it. Its import table has ports, memory and timers, so that those are exits
 * of their own accord; CPUID, RDMSR, WRMSR and undefined instructions it carries out inside. Each is one function there,
 * which interpreter and translated code both call. Here each such function gets another body, which asks the machine
 * first, through an import that there is already (a read of a port beyond the 65,536), and goes on with the original,
 * appended at the end, if that did not take it. Indices of functions stay as they are.
 *
 * The binary format is that of the WebAssembly core specification 1.0, section 5.
 */

/** What the machine is asked by `io_port_read32` of these ports. It answers 0: go on as if there were no trap. */
export const Trap = {
  cpuid: 0x10000,
  rdmsr: 0x10001,
  wrmsr: 0x10002,
  undefinedInstruction: 0x10003,
} as const;
export type Trap = (typeof Trap)[keyof typeof Trap];

const ASK = 'io_port_read32';
/** By the engine's export; the last is a function that raises #UD by a call of the one that is meant. */
const TRAPPED: [string, Trap][] = [
  ['instr_0FA2', Trap.cpuid],
  ['instr_0F32', Trap.rdmsr],
  ['instr_0F30', Trap.wrmsr],
];
const RAISES_UD = 'instr32_0F01_0_reg';

const Section = { imports: 2, functions: 3, exports: 7, code: 10 } as const;
const FUNCTION = 0;
const [BLOCK_END, IF, NO_RESULT, I32_CONST, I32_EQZ, CALL] = [0x0b, 0x04, 0x40, 0x41, 0x45, 0x10];

interface Part {
  id: number;
  /** Content without id and length. */
  bytes: Uint8Array;
}

/** @throws Error the module is not as this engine's is */
export function withTraps(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts = sections(module);
  const section = (id: number): Part => {
    const found = parts.find(part => part.id === id);
    if (!found) throw new Error(`the engine's module has no section ${id}`);
    return found;
  };
  const imports = importedFunctions(section(Section.imports).bytes);
  const exports = exportedFunctions(section(Section.exports).bytes);
  const types = list(section(Section.functions).bytes, reader => reader.number());
  const bodies = list(section(Section.code).bytes, reader => reader.take(reader.number()));
  const ask = imports.indexOf(ASK);
  if (ask < 0) throw new Error(`the engine's module does not import ${ASK}`);
  const exported = (name: string): number => {
    const index = exports.get(name);
    if (index === undefined) throw new Error(`the engine's module does not export ${name}`);
    return index;
  };
  const own = (index: number) => index - imports.length;
  const trap = (index: number, which: Trap): void => {
    const [type, body] = [types[own(index)], bodies[own(index)]];
    if (type === undefined || !body) throw new Error(`the engine's module has no function ${index}`);
    const original = imports.length + bodies.length;
    types.push(type);
    bodies.push(body);
    bodies[own(index)] = Uint8Array.from([
      0, // no locals
      ...[I32_CONST, ...signed(which), CALL, ...unsigned(ask), I32_EQZ],
      ...[IF, NO_RESULT, CALL, ...unsigned(original), BLOCK_END],
      BLOCK_END,
    ]);
  };
  for (const [name, which] of TRAPPED) trap(exported(name), which);
  trap(calledBy(bodies[own(exported(RAISES_UD))]!), Trap.undefinedInstruction);
  section(Section.functions).bytes = vector(types.map(unsigned));
  section(Section.code).bytes = vector(bodies.map(body => [...unsigned(body.length), ...body]));
  return joined(module.subarray(0, 8), parts);
}

/** The one function that a body calls which does nothing else. */
function calledBy(body: Uint8Array): number {
  const reader = new Reader(body);
  if (reader.byte() === 0 && reader.byte() === CALL) {
    const index = reader.number();
    if (reader.byte() === BLOCK_END && reader.atEnd) return index;
  }
  throw new Error(`the engine's ${RAISES_UD} is not as it was`);
}

function sections(module: Uint8Array): Part[] {
  const reader = new Reader(module, 8);
  const parts: Part[] = [];
  while (!reader.atEnd) parts.push({ id: reader.byte(), bytes: reader.take(reader.number()) });
  return parts;
}

/** Names, by index. */
function importedFunctions(bytes: Uint8Array): string[] {
  const names: string[] = [];
  list(bytes, reader => {
    reader.take(reader.number());
    const name = reader.text();
    if (reader.byte() === FUNCTION) {
      reader.number();
      names.push(name);
      return;
    }
    reader.byte(); // a table's element type; this module imports no memory and no globals
    if (reader.byte() & 1) reader.number();
    reader.number();
  });
  return names;
}

function exportedFunctions(bytes: Uint8Array): Map<string, number> {
  const found = new Map<string, number>();
  list(bytes, reader => {
    const name = reader.text();
    const kind = reader.byte();
    const index = reader.number();
    if (kind === FUNCTION) found.set(name, index);
  });
  return found;
}

function list<T>(bytes: Uint8Array, read: (reader: Reader) => T): T[] {
  const reader = new Reader(bytes);
  return Array.from({ length: reader.number() }, () => read(reader));
}

function vector(items: ArrayLike<number>[]): Uint8Array {
  const head = unsigned(items.length);
  const bytes = new Uint8Array(items.reduce((sum, { length }) => sum + length, head.length));
  bytes.set(head);
  let at = head.length;
  for (const item of items) {
    bytes.set(item, at);
    at += item.length;
  }
  return bytes;
}

function joined(head: Uint8Array, parts: Part[]): Uint8Array<ArrayBuffer> {
  const pieces = [
    head,
    ...parts.flatMap(({ id, bytes }) => [Uint8Array.of(id, ...unsigned(bytes.length)), bytes]),
  ];
  return new Uint8Array(Buffer.concat(pieces));
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}
function signed(value: number): number[] {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}

class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    private at = 0,
  ) {}

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes[this.at++]!;
  }

  /** Unsigned LEB128, also padded. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return Buffer.from(this.take(this.number())).toString('utf8');
  }
}
