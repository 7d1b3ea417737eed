import type { IFunctionInformation, IOperatorInformation } from 'wasmparser';
import { read, READER, type CheckedBinary } from './check';
import { readUnsigned, sized, unsigned, VALUE_TYPE } from './encode';
import { SECTION } from './sections';

export const OP = {
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  /** return_call, return_call_indirect, call_ref, return_call_ref */
  otherCalls: new Set([0x12, 0x13, 0x14, 0x15]),
  localGet: 0x20,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  const: 0x41,
  isZero: 0x45,
  lessThanSigned: 0x48,
  greaterThanUnsigned: 0x4b,
  add: 0x6a,
  subtract: 0x6b,
  and: 0x71,
} as const;
export const EMPTY_BLOCK = 0x40;

/** Instructions that are put into functions. */
export interface Insertions {
  /** At the beginning of one that calls others. */
  entry: readonly number[];
  /** At the beginning of each round of a loop, with a local of the function's for it, i32, which begins as 0. */
  round(local: number): readonly number[];
  /** In the place of these instructions. */
  memorySize: readonly number[];
  memoryGrow: readonly number[];
}

/** The code of a binary with what is put into it, and further functions behind. */
export function codeSection(
  binary: CheckedBinary,
  insertions: Insertions,
  bodies: readonly (readonly number[])[],
): Uint8Array[] {
  const code = binary.sections.get(SECTION.code) ?? Uint8Array.of(0);
  const functions: Uint8Array[] = [];
  let current: FunctionRewriter | undefined;
  // Places in what the reader reads: of the next body's length, of this instruction.
  let body = readUnsigned(code, 0).next + (8 + 1 + unsigned(code.length).length);
  let at = 0;
  read(binary.sections, [SECTION.code], reader => {
    const { data, position } = reader;
    const state = reader.state as number;
    if (state === READER.beginFunction) {
      const { value: length, next } = readUnsigned(data, body);
      body = next + length;
      const { locals } = reader.result as IFunctionInformation;
      const type = binary.functionTypes[functions.length] as number;
      const local = locals.reduce((sum, { count }) => sum + count, binary.parameters[type] as number);
      current = new FunctionRewriter(data, { head: next, from: position, local }, insertions);
    } else if (state === READER.operator) {
      current?.take((reader.result as IOperatorInformation).code as number, at, position);
    } else if (state === READER.endFunction && current) {
      functions.push(current.end(position));
    }
    at = position;
  });
  const added = bodies.map(content => Buffer.concat(sized([Uint8Array.from(content)])));
  return [Uint8Array.from(unsigned(functions.length + added.length)), ...functions, ...added];
}

class FunctionRewriter {
  private readonly pieces: Uint8Array[] = [];
  private copied: number;
  private calls = false;
  private loops = false;

  /** `head`: where its locals are declared, `from`: where its first instruction stands, `local`: the next one's index. */
  constructor(
    private readonly data: Uint8Array,
    private readonly place: { head: number; from: number; local: number },
    private readonly insertions: Insertions,
  ) {
    this.copied = place.from;
  }

  /** The next instruction, between two places. */
  take(operator: number, begin: number, end: number): void {
    const { insertions, place } = this;
    if (operator === OP.loop) {
      this.loops = true;
      this.copy(end);
      this.pieces.push(Uint8Array.from(insertions.round(place.local)));
    } else if (operator === OP.memorySize || operator === OP.memoryGrow) {
      this.copy(begin);
      const instead = operator === OP.memorySize ? insertions.memorySize : insertions.memoryGrow;
      this.pieces.push(Uint8Array.from(instead));
      this.copied = end;
    } else if (operator === OP.call || operator === OP.callIndirect || OP.otherCalls.has(operator)) {
      this.calls = true;
    }
  }

  /** @returns the body behind its length */
  end(at: number): Uint8Array {
    this.copy(at);
    const entry = Uint8Array.from(this.calls ? this.insertions.entry : []);
    return Buffer.concat(sized([...this.locals(), entry, ...this.pieces]));
  }

  private locals(): Uint8Array[] {
    const { head, from } = this.place;
    if (!this.loops) return [this.data.slice(head, from)];
    const { value: groups, next } = readUnsigned(this.data, head);
    return [
      Uint8Array.from(unsigned(groups + 1)),
      this.data.slice(next, from),
      Uint8Array.of(1, VALUE_TYPE.i32),
    ];
  }

  private copy(end: number): void {
    this.pieces.push(this.data.slice(this.copied, end));
    this.copied = end;
  }
}
