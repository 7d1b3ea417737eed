import type { DeniedDma, DmaWindow } from '@v3vee/contracts';
import { MAX_LINE_FRAME, rtl8139Registers } from '@v3vee/devices';
import type { GuestBounds } from '../model';
import { inPlusMode, TRANSMIT_REACH, type Part, type Rtl8139ModelState } from './state';

const { Cpcr, Cr, DESC_LENGTH, DUMP_TALLIES, Rcr, Reg, RING_MAX } = rtl8139Registers;

const HIGH = 2 ** 32;
/** A ring of C+ mode. How long it is, only its descriptors say: room for the longest is asked for. */
export const RING_BYTES = RING_MAX * DESC_LENGTH;
const DUMP_BYTES = 64;
/** What the chip may write behind its receive buffer, and, with RCR's WRAP, the rest of a packet that began in it. */
const BUFFER_PAD = 16;
const WRAP_TAIL = 1536;

if (WRAP_TAIL < MAX_LINE_FRAME) throw new Error('a frame does not fit behind the receive buffer');

const at64 = (low: number, high: number): number => low + high * HIGH;
const isInside = ({ address, length }: DmaWindow, { memorySize }: GuestBounds): boolean =>
  address + length <= memorySize;

function receiveBuffer({ rbstart, rcr }: Rtl8139ModelState): DmaWindow {
  const length = 8192 << ((rcr >> Rcr.lengthShift) & 3);
  const runsOver = (rcr & Rcr.noWrap) !== 0 && length < 0x10000;
  const reach = length + BUFFER_PAD + (runsOver ? WRAP_TAIL : 0);
  return { register: 'RBSTART', direction: 'write', address: rbstart, length: reach };
}

/** What the units that are on can reach, as far as registers tell. All of it must lie in the guest's memory. */
function reaches(state: Rtl8139ModelState): DmaWindow[] {
  const { cr, cpcr, slots, rdsar, rdsarHigh } = state;
  const ring = (register: string, low: number, high: number): DmaWindow => ({
    ...{ register, direction: 'read', address: at64(low, high), length: RING_BYTES },
  });
  const found: DmaWindow[] = [];
  if (cr & Cr.transmit) {
    slots.forEach(({ address, waiting }, n) => {
      if (waiting) found.push({ register: `TSAD${n}`, direction: 'read', address, length: waiting });
    });
    if (cpcr & Cpcr.transmit) {
      found.push(ring('TNPDS', slots[0]!.address, slots[1]!.address));
      found.push(ring('THPDS', slots[2]!.address, slots[3]!.address));
    }
  }
  if (cr & Cr.receive)
    found.push(cpcr & Cpcr.receive ? ring('RDSAR', rdsar, rdsarHigh) : receiveBuffer(state));
  return found;
}

/** The first DMA that could start in a state and leave the guest's memory. */
export const violation = (state: Rtl8139ModelState, guest: GuestBounds): DeniedDma | undefined =>
  reaches(state).find(window => !isInside(window, guest));

/** The dump of the statistics that a write starts, if it leaves the guest's memory. */
export function dumpViolation(
  state: Rtl8139ModelState,
  { at, value, mask }: Part,
  guest: GuestBounds,
): DeniedDma | undefined {
  if (at !== Reg.dtccr || !inPlusMode(state) || !(value & mask & DUMP_TALLIES)) return undefined;
  const address = at64(state.dtccr, state.dtccrHigh);
  const dump: DmaWindow = { register: 'DTCCR', direction: 'write', address, length: DUMP_BYTES };
  return isInside(dump, guest) ? undefined : dump;
}

/**
 * C mode: what TSAD and RBSTART open. C+ mode: all of the guest's memory, since the descriptors are there and change
 * without an access that anybody could observe; that nothing beyond is reached is up to the host's DMA guard.
 */
export function windows(state: Rtl8139ModelState, { memorySize }: GuestBounds): DmaWindow[] {
  if (inPlusMode(state)) {
    const all = { register: 'CPCR', address: 0, length: memorySize };
    return [
      { ...all, direction: 'read' },
      { ...all, direction: 'write' },
    ];
  }
  const open: DmaWindow[] = [];
  if (state.cr & Cr.transmit) {
    state.slots.forEach(({ address }, n) => {
      const length = Math.min(TRANSMIT_REACH, memorySize - address);
      if (length > 0) open.push({ register: `TSAD${n}`, direction: 'read', address, length });
    });
  }
  if (state.cr & Cr.receive) open.push(receiveBuffer(state));
  return open;
}
