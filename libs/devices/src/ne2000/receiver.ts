import { addressKind, isFor, passesMulticastFilter } from '../ethernet/address-filter';
import { withFcs } from '../ethernet/fcs';
import { FCS_LENGTH, MIN_LINE_FRAME } from '../ethernet/line';
import type { PacketMemory } from './packet-memory';
import { Rcr, Rsr } from './registers';
import type { Ne2000Registers } from './state';

const HEADER = 4;
const PAGE = 256;

/** Whether the receive configuration takes a frame ("Receive Configuration Register", "Address Recognition Logic"). */
export function accepts(rcr: number, par: Uint8Array, mar: Uint8Array, frame: Uint8Array): boolean {
  if (frame.length < MIN_LINE_FRAME && !(rcr & Rcr.runts)) return false;
  switch (addressKind(frame)) {
    case 'broadcast':
      return (rcr & Rcr.broadcast) !== 0;
    case 'multicast':
      return (rcr & Rcr.multicast) !== 0 && passesMulticastFilter(frame, mar);
    case 'unicast':
      return (rcr & Rcr.promiscuous) !== 0 || isFor(frame, par);
  }
}

/**
 * The page behind a packet of `length` bytes with its header, or undefined if BNRY is in the way. The controller never
 * lets CURR catch up with BNRY from behind, so that a full ring does not look empty.
 */
function pageBehind(regs: Ne2000Registers, length: number): number | undefined {
  let next = regs.curr;
  for (let left = length; left > 0; left -= PAGE) {
    next = pageAfter(regs, next);
    if (next === regs.bnry) return undefined;
  }
  return next;
}

/** Whether a frame of that length finds room. */
export const hasRoom = (regs: Ne2000Registers, length: number): boolean =>
  pageBehind(regs, HEADER + length + FCS_LENGTH) !== undefined;

/**
 * Stores a frame in the ring: `[status][next page][length low][length high][frame][check sequence]`, where the length
 * counts frame and check sequence.
 * @returns false if BNRY is in the way; nothing is stored then
 */
export function store(regs: Ne2000Registers, memory: PacketMemory, frame: Uint8Array): boolean {
  const stored = withFcs(frame);
  const next = pageBehind(regs, HEADER + stored.length);
  if (next === undefined) return false;
  regs.rsr = Rsr.intact | (frame[0]! & 1 ? Rsr.group : 0);
  const header = [regs.rsr, next, stored.length & 0xff, stored.length >> 8];
  let page = regs.curr;
  for (let from = -HEADER; from < stored.length; from += PAGE) {
    const address = page * PAGE;
    for (let i = 0; i < PAGE && from + i < stored.length; i++) {
      const at = from + i;
      memory.write(address + i, at < 0 ? header[at + HEADER]! : stored[at]!);
    }
    page = pageAfter(regs, page);
  }
  regs.curr = next;
  regs.clda = next * PAGE;
  return true;
}

/** The local DMA channel counts pages up; only where it meets PSTOP exactly does it go back to PSTART. */
const pageAfter = (regs: Ne2000Registers, page: number): number => {
  const next = (page + 1) & 0xff;
  return next === regs.pstop ? regs.pstart : next;
};
