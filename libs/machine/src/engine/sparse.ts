import { MachineError } from '../errors';

/** Bytes without their zero pages: most of an engine's state are buffers of devices that the guest never used. */
export interface SparseBytes {
  length: number;
  /** First page and number of pages of each run, flat; the last page may be a part of one. */
  runs: number[];
  /** The runs, one after the other. */
  content: Uint8Array;
}

const PAGE = 4096;
const ZERO_PAGE = Buffer.alloc(PAGE);
/** More than any state: a damaged length must not take all memory. */
const MAX_LENGTH = 64 << 20;

/** Calls back with the byte range of each run of pages that are not all zero. */
export function forEachUsedPage(memory: Uint8Array, visit: (start: number, end: number) => void): void {
  const buffer = Buffer.from(memory.buffer, memory.byteOffset, memory.length);
  let start = -1;
  for (let at = 0; at < buffer.length; at += PAGE) {
    const end = Math.min(at + PAGE, buffer.length);
    const used = buffer.compare(ZERO_PAGE, 0, end - at, at, end) !== 0;
    if (used && start < 0) start = at;
    if (!used && start >= 0) {
      visit(start, at);
      start = -1;
    }
  }
  if (start >= 0) visit(start, buffer.length);
}

export function toSparse(bytes: Uint8Array): SparseBytes {
  const runs: number[] = [];
  const parts: Uint8Array[] = [];
  forEachUsedPage(bytes, (start, end) => {
    runs.push(start / PAGE, Math.ceil((end - start) / PAGE));
    parts.push(bytes.subarray(start, end));
  });
  return { length: bytes.length, runs, content: new Uint8Array(Buffer.concat(parts)) };
}

/** @throws MachineError STATE_CORRUPT */
export function fromSparse({ length, runs, content }: SparseBytes): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(length) || length < 0 || length > MAX_LENGTH || !Array.isArray(runs)) {
    throw damaged(`it is ${length} bytes long`);
  }
  const bytes = new Uint8Array(length);
  let taken = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i]! * PAGE;
    const end = Math.min(length, start + runs[i + 1]! * PAGE);
    if (!(start >= 0 && start < end))
      throw damaged(`it has no pages ${runs[i]} to ${runs[i]! + runs[i + 1]!}`);
    const part = content.subarray(taken, taken + end - start);
    if (part.length !== end - start) throw damaged('its pages are not all there');
    bytes.set(part, start);
    taken += part.length;
  }
  return bytes;
}

const damaged = (what: string) => new MachineError('STATE_CORRUPT', `the engine's state is damaged: ${what}`);
