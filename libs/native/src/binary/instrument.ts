import type { IOperatorInformation } from 'wasmparser';
import { BINARY_LIMITS } from '../limits';
import { read, READER, type CheckedBinary } from './check';
import { readUnsigned, signed, sized, text, unsigned, VALUE_TYPE } from './encode';
import { ADDED } from './imports';
import { readVector, SECTION, SECTION_ORDER } from './sections';

const OP = {
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  call: 0x10,
  callIndirect: 0x11,
  /** return_call, return_call_indirect, call_ref, return_call_ref */
  otherCalls: new Set([0x12, 0x13, 0x14, 0x15]),
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  const: 0x41,
  lessThanSigned: 0x48,
  greaterThanUnsigned: 0x4b,
  add: 0x6a,
  subtract: 0x6b,
} as const;
const EMPTY_BLOCK = 0x40;
const FUNCTION_TYPE = 0x60;
const LARGEST_MEMORY = 65_536;

/** What is given to the binary before its first instruction; the rank's thread gives more. */
const FIRST_FUEL = 1_000;

/**
 * Rewrites a binary so that its host can hold it, since nothing can stop WebAssembly from outside but for good:
 *
 * - each round of a loop, and each function that calls others, takes from a counter; at its end the entry of a table is
 *   called, where the host looks at the rank's gate;
 * - its memory comes from the host (shared, so that other ranks can be given it), all of it at once: memory.grow moves a
 *   mark within it, and memory.size tells the mark;
 * - its tables get a maximum; its start function runs when the host calls it.
 *
 * All that is new stands behind what was there, so that no index in the binary changes.
 * @param preemptible false: without the looks, for measurements
 */
export function instrument(binary: CheckedBinary, preemptible = true): Uint8Array<ArrayBuffer> {
  const { sections, types, importedFunctions, tables } = binary;
  const functions = importedFunctions + readVector(sections.get(SECTION.function)).count;
  const globals = readVector(sections.get(SECTION.global)).count;
  const index = {
    checkType: types,
    growType: types + 1,
    check: functions,
    grow: functions + 1,
    gateTable: tables.length,
    fuel: globals,
    pages: globals + 1,
    limit: globals + 2,
  };
  const get = (global: number) => [OP.globalGet, ...unsigned(global)];
  const set = (global: number) => [OP.globalSet, ...unsigned(global)];

  const look = Uint8Array.from(
    !preemptible
      ? []
      : [
          ...[...get(index.fuel), OP.const, ...signed(1), OP.subtract, ...set(index.fuel)],
          ...[...get(index.fuel), OP.const, ...signed(0), OP.lessThanSigned],
          ...[OP.if, EMPTY_BLOCK, OP.call, ...unsigned(index.check), OP.end],
        ],
  );
  const memorySize = Uint8Array.from(get(index.pages));
  const memoryGrow = Uint8Array.from([OP.call, ...unsigned(index.grow)]);
  const checkBody = [
    ...[0, OP.const, ...signed(0)],
    ...[OP.callIndirect, ...unsigned(index.checkType), ...unsigned(index.gateTable), OP.end],
  ];
  const growBody = [
    ...[0, OP.localGet, 0, ...get(index.limit), ...get(index.pages), OP.subtract, OP.greaterThanUnsigned],
    ...[OP.if, VALUE_TYPE.i32, OP.const, ...signed(-1), OP.else],
    ...[
      ...get(index.pages),
      ...get(index.pages),
      OP.localGet,
      0,
      OP.add,
      ...set(index.pages),
      OP.end,
      OP.end,
    ],
  ];

  const mutableI32 = (value: number) => [VALUE_TYPE.i32, 1, OP.const, ...signed(value), OP.end];
  const exported = (name: string, kind: number, at: number) => [...text(name), kind, ...unsigned(at)];
  const start = sections.get(SECTION.start);
  const { module, name } = ADDED.memory;
  const added = new Map<number, Uint8Array[]>([
    [
      SECTION.type,
      extend(sections.get(SECTION.type), [
        [FUNCTION_TYPE, 0, 0],
        [FUNCTION_TYPE, 1, VALUE_TYPE.i32, 1, VALUE_TYPE.i32],
      ]),
    ],
    [
      SECTION.import,
      extend(sections.get(SECTION.import), [
        // shared, with a maximum
        [...text(module), ...text(name), 2, 3, ...unsigned(binary.memoryPages), ...unsigned(LARGEST_MEMORY)],
      ]),
    ],
    [
      SECTION.function,
      extend(sections.get(SECTION.function), [unsigned(index.checkType), unsigned(index.growType)]),
    ],
    [SECTION.table, tableSection(binary)],
    [
      SECTION.global,
      extend(sections.get(SECTION.global), [
        mutableI32(FIRST_FUEL),
        mutableI32(binary.memoryPages),
        mutableI32(binary.memoryPages),
      ]),
    ],
    [
      SECTION.export,
      extend(sections.get(SECTION.export), [
        exported(ADDED.fuel, 3, index.fuel),
        exported(ADDED.limit, 3, index.limit),
        exported(ADDED.gate, 1, index.gateTable),
        ...(start ? [exported(ADDED.start, 0, readUnsigned(start, 0).value)] : []),
      ]),
    ],
    [SECTION.code, codeSection(binary, { look, memorySize, memoryGrow }, [checkBody, growBody])],
  ]);
  const parts: Uint8Array[] = [Buffer.from('\0asm\x01\0\0\0', 'latin1')];
  for (const id of SECTION_ORDER) {
    if (id === SECTION.memory || id === SECTION.start) continue;
    const content = added.get(id) ?? [sections.get(id) ?? new Uint8Array()];
    if (content.every(({ length }) => length === 0)) continue;
    parts.push(Uint8Array.of(id), ...sized(content));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** A vector with entries behind those that it has. */
function extend(section: Uint8Array | undefined, entries: readonly (readonly number[])[]): Uint8Array[] {
  const present = readVector(section);
  return [
    Uint8Array.from(unsigned(present.count + entries.length)),
    present.entries,
    ...entries.map(entry => Uint8Array.from(entry)),
  ];
}

/** Tables as they were, but that none can grow without bound. */
function tableSection({ tables }: CheckedBinary): Uint8Array[] {
  const most = BINARY_LIMITS.tableEntries;
  const bounded = tables.map(({ initial, maximum = most, entryType }) => [
    entryType & 0x7f,
    1,
    ...unsigned(initial),
    ...unsigned(Math.max(initial, Math.min(maximum, most))),
  ]);
  const gate = [VALUE_TYPE.funcref, 1, ...unsigned(1), ...unsigned(1)];
  return [
    Uint8Array.from(unsigned(tables.length + 1)),
    ...[...bounded, gate].map(entry => Uint8Array.from(entry)),
  ];
}

interface Insertions {
  look: Uint8Array;
  memorySize: Uint8Array;
  memoryGrow: Uint8Array;
}

function codeSection(
  { sections }: CheckedBinary,
  { look, memorySize, memoryGrow }: Insertions,
  bodies: readonly (readonly number[])[],
): Uint8Array[] {
  const code = sections.get(SECTION.code) ?? new Uint8Array([0]);
  const functions: Uint8Array[] = [];
  let pieces: Uint8Array[] = [];
  let calls = false;
  // Places in what the reader reads: of the next body's length, of what is not copied yet, of this instruction.
  let body = readUnsigned(code, 0).next + (8 + 1 + unsigned(code.length).length);
  let copied = 0;
  let at = 0;
  read(sections, [SECTION.code], reader => {
    const { data, position } = reader;
    const state = reader.state as number;
    const copy = (end: number) => {
      pieces.push(data.slice(copied, end));
      copied = end;
    };
    if (state === READER.beginFunction) {
      const { value: length, next } = readUnsigned(data, body);
      body = next + length;
      copied = next;
      pieces = [];
      calls = false;
      copy(position);
      pieces.push(new Uint8Array()); // where the look goes that a function begins with
    } else if (state === READER.operator) {
      const operator = (reader.result as IOperatorInformation).code as number;
      if (operator === OP.loop) {
        copy(position);
        pieces.push(look);
      } else if (operator === OP.memorySize || operator === OP.memoryGrow) {
        copy(at);
        pieces.push(operator === OP.memorySize ? memorySize : memoryGrow);
        copied = position;
      } else if (operator === OP.call || operator === OP.callIndirect || OP.otherCalls.has(operator)) {
        calls = true;
      }
    } else if (state === READER.endFunction) {
      copy(position);
      if (calls) pieces[1] = look;
      functions.push(Buffer.concat(sized(pieces)));
    }
    at = position;
  });
  const added = bodies.map(content => Buffer.concat(sized([Uint8Array.from(content)])));
  return [Uint8Array.from(unsigned(functions.length + added.length)), ...functions, ...added];
}
