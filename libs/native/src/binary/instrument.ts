import { BINARY_LIMITS } from '../limits';
import type { CheckedBinary } from './check';
import { codeSection, EMPTY_BLOCK, OP } from './code';
import { readUnsigned, signed, sized, text, unsigned, VALUE_TYPE } from './encode';
import { ADDED } from './imports';
import { readVector, SECTION, SECTION_ORDER } from './sections';

const FUNCTION_TYPE = 0x60;
const LARGEST_MEMORY = 65_536;

/** Of a loop, between two that take from the counter; a power of two. */
const ROUNDS = 256;
/** What is given to the binary before its first instruction; the rank's thread gives more. */
const FIRST_FUEL = 1_000;

/**
 * Rewrites a binary so that its host can hold it, since nothing can stop WebAssembly from outside but for good:
 *
 * - rounds of loops, and functions that call others, take from a counter; at its end the entry of a table is called, where
 *   the host looks at the rank's gate. A loop counts its rounds in a local, which costs least, and every 256th takes 256;
 * - its memory comes from the host (shared, so that other ranks can be given it), all of it at once: memory.grow moves a
 *   mark within it, and memory.size tells the mark;
 * - its tables get a maximum; its start function runs when the host calls it.
 *
 * All that is new stands behind what was there, so that no index in the binary changes.
 * @param preemptible false: without the looks, for measurements
 */
export function instrument(binary: CheckedBinary, preemptible = true): Uint8Array<ArrayBuffer> {
  const { sections, parameters, functionTypes, importedFunctions, tables } = binary;
  const functions = importedFunctions + functionTypes.length;
  const globals = readVector(sections.get(SECTION.global)).count;
  const index = {
    spendType: parameters.length,
    growType: parameters.length + 1,
    spend: functions,
    grow: functions + 1,
    gateTable: tables.length,
    fuel: globals,
    pages: globals + 1,
    limit: globals + 2,
  };
  const get = (global: number) => [OP.globalGet, ...unsigned(global)];
  const set = (global: number) => [OP.globalSet, ...unsigned(global)];

  const spend = (fuel: number): number[] => [
    ...[...get(index.fuel), OP.const, ...signed(fuel), OP.subtract, ...set(index.fuel)],
    ...[...get(index.fuel), OP.const, ...signed(0), OP.lessThanSigned, OP.if, EMPTY_BLOCK],
    ...[OP.const, ...signed(0), OP.callIndirect, ...unsigned(index.spendType)],
    ...[...unsigned(index.gateTable), OP.end],
  ];
  const spendBody = [0, ...spend(ROUNDS), OP.end];
  const growBody = [
    ...[0, OP.localGet, 0, ...get(index.limit), ...get(index.pages), OP.subtract, OP.greaterThanUnsigned],
    ...[OP.if, VALUE_TYPE.i32, OP.const, ...signed(-1), OP.else],
    ...[...get(index.pages), ...get(index.pages), OP.localGet, 0, OP.add, ...set(index.pages)],
    ...[OP.end, OP.end],
  ];
  const insertions = {
    entry: preemptible ? spend(1) : [],
    round: (local: number): number[] =>
      !preemptible
        ? []
        : [
            ...[
              OP.localGet,
              ...unsigned(local),
              OP.const,
              ...signed(1),
              OP.add,
              OP.localTee,
              ...unsigned(local),
            ],
            ...[OP.const, ...signed(ROUNDS - 1), OP.and, OP.isZero],
            ...[OP.if, EMPTY_BLOCK, OP.call, ...unsigned(index.spend), OP.end],
          ],
    memorySize: get(index.pages),
    memoryGrow: [OP.call, ...unsigned(index.grow)],
  };

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
      extend(sections.get(SECTION.function), [unsigned(index.spendType), unsigned(index.growType)]),
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
    [SECTION.code, codeSection(binary, insertions, [spendBody, growBody])],
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
