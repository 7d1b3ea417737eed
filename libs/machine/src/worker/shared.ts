import { types } from 'node:util';

/** Whether the array is all of its buffer, which can then be moved to another thread. */
export const ownsBuffer = ({ buffer, byteLength }: Uint8Array): boolean =>
  types.isArrayBuffer(buffer) && byteLength === buffer.byteLength;

/** The array itself if it can be moved, else a copy. */
export const owning = (bytes: Uint8Array): Uint8Array => (ownsBuffer(bytes) ? bytes : new Uint8Array(bytes));

export const buffersOf = (owned: readonly Uint8Array[]): ArrayBuffer[] =>
  owned.map(({ buffer }) => buffer as ArrayBuffer);

const copies = new WeakMap<Uint8Array, Uint8Array<SharedArrayBuffer>>();

/** The same bytes in memory that all threads share; copied once per array. */
export function shared(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes as Uint8Array<SharedArrayBuffer>;
  let copy = copies.get(bytes);
  if (!copy) {
    copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    copies.set(bytes, copy);
  }
  return copy;
}
