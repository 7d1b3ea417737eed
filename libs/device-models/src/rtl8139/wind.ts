import { rtl8139Registers } from '@v3vee/devices';
import type { DeviceAtRest, DeviceRegisters } from '../model';
import { RING_BYTES } from './dma';
import { describeBuffer, EVERYTHING, FRAME_ROOM, keeping, lending, writeAddress } from './loopback';
import { PART, receiveOne, TPPOLL, type Positions } from './probe';

const { Cpcr, Desc, Poll, Rcr, Reg, Tsd } = rtl8139Registers;

/** Bits of TSD that say what became of a transmission. */
export const OUTCOME = (Tsd.transmitted | Tsd.aborted | Tsd.carrierLost) >>> 0;
const KEPT = Tsd.sizeMask | Tsd.thresholdMask;
/** What a frame takes in the receive buffer: header, check sequence and padding included, the least and the most. */
const STEP = { min: 24, max: 1524 };
/** Header and check sequence. */
const STEP_OVERHEAD = 8;
/** The shortest that a frame of C+ mode becomes in a receive ring, padded and with its check sequence. */
const RING_MIN = 64;

/**
 * Lets CBR come round to a value, with frames that all go to one place: RBSTART moves against it, and a write to it
 * leaves CBR alone. Both units just started, in loopback. The receive buffer that RCR has meanwhile is as short as
 * holds the value; a packet at its end runs over it.
 * @returns how many frames it took, of the four transmit descriptors in turn
 */
export function windBuffer({ registers, memory }: DeviceAtRest, cbr: number): number {
  if (cbr === 0) return 0;
  let code = 0;
  while (8192 << code <= cbr) code++;
  const length = 8192 << code;
  const way = cbr < STEP.min ? cbr + length : cbr; // shorter than a frame: once round
  const place = (memory.size - FRAME_ROOM) & ~3;
  if (Math.min(way, length) > place) return 0; // no buffer in so little memory gets there
  return keeping(memory, [[place, FRAME_ROOM]], () => {
    registers.write(Reg.rcr, 4, EVERYTHING | Rcr.noWrap | (code << Rcr.lengthShift));
    let frames = 0;
    for (let gone = 0; gone < way; frames++) {
      const left = way - gone;
      let step = Math.min(left, STEP.max);
      if (left > step && left - step < STEP.min) step -= STEP.min;
      const at = gone % length;
      registers.write(Reg.rbstart, 4, place - at);
      registers.write(Reg.capr, 2, (at - 16) & 0xffff); // read up to here: empty
      registers.write(Reg.tsd0 + 4 * (frames & 3), 4, step - STEP_OVERHEAD);
      gone += step;
    }
    registers.write(Reg.rcr, 4, 0);
    return frames;
  });
}

/** Lets the rings of C+ mode come to positions, each with one frame of as many parts. RDSAR is written. */
export function windRings(device: DeviceAtRest, rdsar: number, positions: Omit<Positions, 'TXNEXT'>): void {
  const { registers, memory } = device;
  const receive = positions.RXNEXT;
  const inMemory = rdsar + RING_BYTES <= memory.size;
  lending(memory, inMemory ? rdsar : undefined, lent => {
    registers.write(Reg.cpcr, 2, Cpcr.transmit | Cpcr.receive);
    writeAddress(registers, Reg.rdsar, rdsar);
    if (receive && inMemory) {
      const total = Math.max(RING_MIN, PART * receive);
      const part = Math.ceil(total / receive);
      for (let i = 0; i < receive; i++) describeBuffer(memory, rdsar, i, Desc.own, part, lent.frame);
      receiveOne(device, lent, total - 4);
    }
    [positions.TNPNEXT, positions.THPNEXT].forEach((count, i) => {
      const ring = lent.rings[i]!;
      for (let part = 0; part < count; part++) {
        const marks = Desc.own | (part === 0 ? Desc.first : 0) | (part === count - 1 ? Desc.last : 0);
        describeBuffer(memory, ring, part, marks, PART);
      }
      describeBuffer(memory, ring, count, 0);
    });
    writeAddress(registers, Reg.tnpds, lent.rings[0]);
    writeAddress(registers, Reg.thpds, lent.rings[1]);
    registers.write(TPPOLL, 1, Poll.normal | Poll.high);
    registers.write(Reg.cpcr, 2, 0);
  });
}

/** What becomes of a frame of that size in loopback, as TSD tells: too short and too long ones are aborted. */
export const outcomeOf = (status: number): number => {
  const size = status & Tsd.sizeMask;
  return size >= 14 && size <= 1518 ? Tsd.transmitted : Tsd.aborted;
};

/**
 * Lets the turn come round to transmit descriptor `next`, C mode, and leaves the four status registers as they were:
 * each descriptor sends a frame of the size that it sent last. One that sent nothing shows that it did; what waits in
 * one waits again, but for its turn.
 * @param sent frames so far
 */
export function windTransmit(
  registers: DeviceRegisters,
  statuses: readonly number[],
  next: number,
  sent: number,
): void {
  const end = sent + 4 + ((next - sent) & 3);
  for (let n = 0; n < 4; n++) registers.write(Reg.tsad0 + 4 * n, 4, 0);
  for (let i = sent; i < end; i++) {
    const status = statuses[i & 3]!;
    registers.write(Reg.tsd0 + 4 * (i & 3), 4, status & OUTCOME ? status & KEPT : 60);
  }
  statuses.forEach((status, n) => {
    if (status & OUTCOME) return;
    const mayWait = n !== next && !(status & Tsd.own);
    registers.write(Reg.tsd0 + 4 * n, 4, (status & KEPT) | (mayWait ? 0 : Tsd.own));
  });
}
