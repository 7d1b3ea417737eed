import { rtl8139Registers, type GuestMemory } from '@v3vee/devices';
import type { DeviceRegisters } from '../model';
import { RING_BYTES } from './dma';

const { Desc, DESC_LENGTH, Rcr, Reg, RING_MAX, Tcr } = rtl8139Registers;

/**
 * The bench on which a card is examined and wound forward: in loopback with its interrupts off, where what it sends
 * goes to nobody but itself, and with guest memory that is lent for the time.
 *
 * An RTL8139 counts in places that no register sets: where in the receive buffer it is (CBR can only be read), which
 * of the four transmit descriptors is next, which descriptor of each ring of C+ mode. All begin at 0 when a unit is
 * switched on. But the card moves them by sending and receiving, so they are found by having it send one frame and
 * looking which descriptor it took (`probe.ts`), and set by having it send as many as are missing (`wind.ts`). This is
 * ours (reconstructed): what can be done by whoever has no more than the guest has, registers and memory.
 */

/** No interrupt, no reception. */
export function quiet(registers: DeviceRegisters): void {
  registers.write(Reg.imr, 2, 0);
  registers.write(Reg.rcr, 4, 0);
}

/** The transmitter must be on. From now on nothing leaves, and no frame of the segment comes in. */
export function enterLoopback(registers: DeviceRegisters): void {
  registers.write(Reg.tcr, 4, Tcr.loopback);
  registers.write(Reg.mar0, 4, 0xffffffff);
  registers.write(Reg.mar4, 4, 0xffffffff);
}

/** RCR: takes any frame, whatever memory a dummy was made of. */
export const EVERYTHING = Rcr.allUnicast | Rcr.myUnicast | Rcr.multicast | Rcr.broadcast | Rcr.runts;

/** Memory that the card may use: two rings of C+ mode, and room for a frame. */
export const FRAME_ROOM = 2048;
const LENT = 2 * RING_BYTES + FRAME_ROOM;

export interface Lent {
  rings: readonly [number, number];
  frame: number;
}

/**
 * Lends the card memory of the guest, and takes back what it wrote there.
 * @param ring of the guest, lent too
 */
export function lending<T>(memory: GuestMemory, ring: number | undefined, use: (lent: Lent) => T): T {
  const top = (memory.size - LENT) & ~0xff;
  const base = ring !== undefined && ring + RING_BYTES > top ? 0 : top;
  const pieces: [number, number][] = [[base, LENT]];
  if (ring !== undefined) pieces.push([ring, RING_BYTES]);
  const lent = { rings: [base, base + RING_BYTES], frame: base + 2 * RING_BYTES } as const;
  return keeping(memory, pieces, () => use(lent));
}

/** Whatever `use` has the card do to pieces of memory, `[address, length]`, is undone. */
export function keeping<T>(memory: GuestMemory, pieces: readonly [number, number][], use: () => T): T {
  const kept = pieces.map(([address, length]) => memory.bytes().slice(address, address + length));
  try {
    return use();
  } finally {
    pieces.forEach(([address, length], i) => {
      memory.bytes().set(kept[i]!, address);
      memory.markDirty(address, address + length);
    });
  }
}

/** Writes descriptor `index` of a ring: a buffer of `length` bytes, the card's with {@link Desc.own} in `marks`. */
export function describeBuffer(
  memory: GuestMemory,
  ring: number,
  index: number,
  marks: number,
  length = 0,
  address = 0,
): void {
  const view = memory.view();
  const at = ring + DESC_LENGTH * index;
  view.setUint32(at, (marks | length) >>> 0, true);
  view.setUint32(at + 4, 0, true);
  view.setUint32(at + 8, address, true);
  view.setUint32(at + 12, 0, true);
}

/** The first descriptor that the card has given back of those that were its own. */
export function firstGivenBack(memory: GuestMemory, ring: number, from = 0): number | undefined {
  for (let index = from; index < RING_MAX; index++) {
    if (!(memory.view().getUint32(ring + DESC_LENGTH * index, true) & Desc.own)) return index;
  }
  return undefined;
}

/** A ring's address, in C mode that of two transmit buffers. */
export function writeAddress(registers: DeviceRegisters, offset: number, address: number): void {
  registers.write(offset, 4, address);
  registers.write(offset + 4, 4, 0);
}
