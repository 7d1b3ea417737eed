import { readUnsigned } from './encode';

/** Ids in the order in which they stand in a binary; the data count stands before the code. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  tag: 13,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  dataCount: 12,
  code: 10,
  data: 11,
} as const;
export const SECTION_ORDER: readonly number[] = Object.values(SECTION).slice(1);

/** The content of each section but the custom ones, by id. The binary has been validated. */
export function readSections(bytes: Uint8Array): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  for (let at = 8; at < bytes.length;) {
    const id = bytes[at] as number;
    const { value: length, next } = readUnsigned(bytes, at + 1);
    if (id !== SECTION.custom) sections.set(id, bytes.subarray(next, next + length));
    at = next + length;
  }
  return sections;
}

/** A vector is its count and its entries, which stay as they are. */
export function readVector(section: Uint8Array | undefined): { count: number; entries: Uint8Array } {
  if (!section) return { count: 0, entries: new Uint8Array() };
  const { value, next } = readUnsigned(section, 0);
  return { count: value, entries: section.subarray(next) };
}
