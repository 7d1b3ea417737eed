import { withFcs } from '../ethernet/fcs';
import { FCS_LENGTH } from '../ethernet/line';
import type { Accepted, Core } from './core';
import { Cr, Isr, MAX_TSD_SIZE, Rcr, Rx, Tsd } from './registers';

/**
 * C mode: four transmit descriptors in registers, and one receive buffer in guest memory that the card fills in a
 * circle (datasheet of the RTL8139C, chapters 5.1 and 5.2).
 */

const PACKET_HEADER = 4;
/** CAPR lies this far behind what the driver has read up to. */
const CAPR_GAP = 16;

/** Sends all descriptors that are the card's, in order; at most the four. */
export function transmitDescriptors(core: Core): void {
  const { tsd } = core.memory;
  for (let i = 0; i < 4 && core.transmits && !core.plusTransmits; i++) {
    const n = core.regs.txCurrent;
    if (tsd[n]! & Tsd.own) return;
    const outcome = sendDescriptor(core, n);
    core.regs.txCurrent = (n + 1) & 3;
    tsd[n] = (tsd[n]! & (Tsd.sizeMask | Tsd.thresholdMask)) | Tsd.own | outcome;
    const failed = (outcome & Tsd.aborted) !== 0;
    if (failed) core.memory.tallies.txAborted++;
    else core.memory.tallies.txOk++;
    core.signal(failed ? Isr.transmitError : Isr.transmitted);
  }
}

/** The bits of TSD that say what became of it. */
function sendDescriptor(core: Core, n: number): number {
  const size = core.memory.tsd[n]! & Tsd.sizeMask;
  if (size > MAX_TSD_SIZE) {
    core.counters.txDropped++;
    return Tsd.aborted;
  }
  const data = new Uint8Array(size);
  if (!core.dma.read(`TSAD${n}`, core.memory.tsad[n]!, data)) {
    core.counters.txDropped++;
    core.signal(Isr.systemError);
    return Tsd.aborted;
  }
  const sent = core.send(data);
  if (sent === 'refused') return Tsd.aborted;
  return sent === 'no-link' ? Tsd.transmitted | Tsd.carrierLost : Tsd.transmitted;
}

/** Bytes of the receive buffer, without what may follow its end. */
const bufferLength = (core: Core): number => 8192 << ((core.regs.rcr >> Rcr.lengthShift) & 3);

/** Whether a packet of `aligned` bytes, header and padding included, fits in front of what the driver has not read. */
function fits(core: Core, aligned: number): boolean {
  const length = bufferLength(core);
  const free = (readOffset(core) - (core.regs.cbr % length) + length) % length;
  return free === 0 || aligned < free;
}

/** Whether a frame of that length finds room. */
export const ringHasRoom = (core: Core, length: number): boolean =>
  fits(core, (PACKET_HEADER + length + FCS_LENGTH + 3) & ~3);

/** Offset up to which the driver has read. */
const readOffset = (core: Core): number => (core.regs.capr + CAPR_GAP) % bufferLength(core);

/** CR's bit BUFE. */
export const bufferEmpty = (core: Core): boolean => core.regs.cbr % bufferLength(core) === readOffset(core);

/** Starts the receiver: the buffer is empty and begins at its beginning. */
export function restartReceiver(core: Core): void {
  core.regs.cbr = 0;
  core.regs.capr = 0x10000 - CAPR_GAP;
  core.regs.rxCurrent = 0;
}

/**
 * Appends `[status][length][frame][check sequence]` to the receive buffer, double word after double word. At the end
 * of the buffer it goes on at its beginning or, with RCR's WRAP set, behind its end, where drivers keep room for one
 * frame.
 */
export function storeInRing(core: Core, accepted: Accepted): void {
  const { regs } = core;
  const { frame, kind, runt } = accepted;
  const length = bufferLength(core);
  const at = regs.cbr % length;
  const stored = withFcs(frame);
  const packet = new Uint8Array(PACKET_HEADER + stored.length);
  const aligned = (packet.length + 3) & ~3;
  if (!fits(core, aligned)) return core.missed();

  const view = new DataView(packet.buffer);
  view.setUint16(0, Rx.ok | Rx[kind] | (runt ? Rx.runt : 0), true);
  view.setUint16(2, stored.length, true);
  packet.set(stored, PACKET_HEADER);
  const contiguous = (regs.rcr & Rcr.noWrap) !== 0 && length < 0x10000;
  const first = contiguous ? packet.length : Math.min(packet.length, length - at);
  const parts: [number, Uint8Array][] = [[regs.rbstart + at, packet.subarray(0, first)]];
  if (first < packet.length) parts.push([regs.rbstart, packet.subarray(first)]);
  if (!parts.every(([address, part]) => core.dma.mayWrite('RBSTART', address, part.length))) {
    return core.receiveAborted();
  }
  for (const [address, part] of parts) core.dma.write('RBSTART', address, part);
  regs.cbr = (at + aligned) % length;
  core.received(accepted);
}

/** The receiver is on as far as CR says. */
export const commandBits = (core: Core): number =>
  (core.regs.cr & (Cr.receive | Cr.transmit)) | (bufferEmpty(core) ? Cr.empty : 0);
