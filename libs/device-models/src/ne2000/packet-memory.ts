import { ne2000Registers } from '@v3vee/devices';
import type { DeviceRegisters } from '../model';
import { getWord, put, putWord } from './registers';

const { Cr, DATA_PORT, Dcr } = ne2000Registers;

/** Where the controller sees packet memory, and how much the usual card has. */
export const MEMORY_BASE = 0x4000;
export const MEMORY_LENGTH = 0x4000;

/**
 * Packet memory through the card's remote DMA channel (DP8390D datasheet, "Remote DMA"), 32 bits at a time. What the
 * channel was doing ends.
 */
export function readMemory(registers: DeviceRegisters, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  begin(registers, Cr.remoteRead, address, length);
  for (let at = 0; at < length; at += 4) view.setUint32(at, registers.read(DATA_PORT, 4), true);
  return bytes;
}

/** @param bytes a multiple of four */
export function writeMemory(registers: DeviceRegisters, address: number, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  begin(registers, Cr.remoteWrite, address, bytes.length);
  for (let at = 0; at < bytes.length; at += 4) registers.write(DATA_PORT, 4, view.getUint32(at, true));
}

function begin(registers: DeviceRegisters, command: number, address: number, length: number): void {
  registers.write(0, 1, Cr.start | Cr.remoteDone);
  withoutRing(registers);
  put(registers, 'DCR', Dcr.wordTransfer);
  putWord(registers, 'RSAR', address);
  putWord(registers, 'RBCR', length);
  registers.write(0, 1, Cr.start | command);
}

/**
 * What RBCR, which cannot be read, holds: the channel reads as many bytes, and CRDA tells how many those were. No
 * memory changes: a transfer in the other direction is turned round first, which leaves both counters as they are. A
 * "send packet" transfer is not turned round, so that BNRY then shows where it would have gone at its end.
 */
export function countDown(registers: DeviceRegisters): number {
  withoutRing(registers);
  put(registers, 'DCR', 0); // bytes: words would hide whether the count is odd
  const from = getWord(registers, 'CRDA');
  const sending = (registers.read(0, 1) & Cr.remoteMask) === Cr.sendPacket;
  if (!sending) registers.write(0, 1, Cr.start | Cr.remoteRead);
  let extra = 0;
  while (!(registers.read(0, 1) & Cr.remoteDone)) {
    registers.read(DATA_PORT, 4);
    if (getWord(registers, 'CRDA') !== from) continue;
    // under way with nothing to go, since the guest wrote 0 there: a byte more brings it to its end
    extra = 1;
    putWord(registers, 'RBCR', extra);
  }
  return (getWord(registers, 'CRDA') - from - extra) & 0xffff;
}

/** The channel goes from PSTOP back to PSTART: nowhere, if they are the same. */
function withoutRing(registers: DeviceRegisters): void {
  put(registers, 'PSTART', 0);
  put(registers, 'PSTOP', 0);
}
