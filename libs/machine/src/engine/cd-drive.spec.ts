import { insertDisc } from './cd-drive';
import type { V86IdeDrive } from './v86-internals';

interface Buffer {
  byteLength: number;
  get(start: number, length: number, done: (data: Uint8Array) => void): void;
  set(start: number, data: Uint8Array, done: () => void): void;
  get_state(): unknown[];
}

function drive() {
  const made: V86IdeDrive & { buffer: Buffer | null } = {
    buffer: null,
    medium_changed: 0,
    set_cdrom(buffer: unknown) {
      made.buffer = buffer as Buffer;
      made.medium_changed = 2;
    },
  };
  return made;
}
const disc = { bytes: 3000, read: (offset: number, into: Uint8Array) => void into.fill(offset / 1000 + 1) };

it('is read in whole sectors, with zeroes behind its end, and is in no saved state', () => {
  const of = drive();
  insertDisc(of, disc, false);
  expect(of.medium_changed).toBe(2);
  expect(of.buffer!.byteLength).toBe(4096);
  const read: Uint8Array[] = [];
  of.buffer!.get(2000, 2096, data => void read.push(data));
  of.buffer!.get(1 << 20, 16, data => void read.push(data));
  expect(read[0]!.subarray(0, 1000).every(byte => byte === 3)).toBe(true);
  expect(read[0]!.subarray(1000).every(byte => byte === 0)).toBe(true);
  expect([...read[1]!]).toEqual(new Array(16).fill(0));
  const written = jest.fn();
  of.buffer!.set(0, new Uint8Array(512), written);
  expect(written).toHaveBeenCalled();
  expect(of.buffer!.get_state()).toEqual([]);
});

it('comes without a word where the guest has it already, and goes', () => {
  const of = drive();
  insertDisc(of, disc, true);
  expect(of.medium_changed).toBe(0);
  insertDisc(of, undefined, false);
  expect(of.buffer).toBeNull();
});
