import { SavedState, type Widths } from '../ethernet/saved-state';
import type { DeviceState } from '../platform';
import { Cr, Isr } from './registers';

export const NE2000_STATE_VERSION = 1;

/** Registers of one or two bytes. */
export interface Ne2000Registers {
  cr: number;
  isr: number;
  imr: number;
  dcr: number;
  tcr: number;
  tsr: number;
  rcr: number;
  rsr: number;
  /** Receive ring, in pages of 256 bytes: first page, one past the last, next to read, next to write. */
  pstart: number;
  pstop: number;
  bnry: number;
  curr: number;
  /** Where the packet to be sent starts (page), and its length in bytes. */
  tpsr: number;
  tbcr: number;
  /** Remote DMA: next address, bytes to go. */
  rsar: number;
  rbcr: number;
  /** Local DMA: next address. */
  clda: number;
  /** Diagnostic pointers of page 2; nothing in the chip model reads them. */
  remoteNext: number;
  addressCounter: number;
  /** During a "send packet" transfer, 1 + the page that BNRY moves to at its end; else 0. */
  sendNext: number;
  /** Tally counters: frame alignment, check sequence, missed packets. */
  tallyAlignment: number;
  tallyCrc: number;
  tallyMissed: number;
  fifoAt: number;
  eecr: number;
  config2: number;
  config3: number;
  link: number;
}

export const REGISTER_WIDTHS: Widths<Ne2000Registers> = {
  cr: 8,
  isr: 8,
  imr: 7,
  dcr: 8,
  tcr: 8,
  tsr: 8,
  rcr: 8,
  rsr: 8,
  pstart: 8,
  pstop: 8,
  bnry: 8,
  curr: 8,
  tpsr: 8,
  tbcr: 16,
  rsar: 16,
  rbcr: 16,
  clda: 16,
  remoteNext: 8,
  addressCounter: 16,
  sendNext: 9,
  tallyAlignment: 8,
  tallyCrc: 8,
  tallyMissed: 8,
  fifoAt: 3,
  eecr: 8,
  config2: 8,
  config3: 8,
  link: 1,
};

export interface Ne2000State extends DeviceState {
  model: 'ne2000';
  registers: Ne2000Registers;
  /** Physical address, multicast filter, last eight bytes that went through the FIFO in loopback. */
  par: Uint8Array;
  mar: Uint8Array;
  fifo: Uint8Array;
  /** The address in the PROM. */
  prom: Uint8Array;
  ram: Uint8Array;
}

export function powerOnRegisters(): Ne2000Registers {
  const zero = Object.fromEntries(Object.keys(REGISTER_WIDTHS).map(name => [name, 0]));
  return { ...(zero as unknown as Ne2000Registers), cr: Cr.stop | Cr.remoteDone, isr: Isr.reset, link: 1 };
}

export function checkNe2000State(device: string, saved: unknown, ramLength: number): Ne2000State {
  const check = new SavedState(device);
  const state = check.object(saved, 'it');
  if (state.version !== NE2000_STATE_VERSION || state.model !== 'ne2000') {
    throw check.refuse(`it is not a version ${NE2000_STATE_VERSION} state of an NE2000`);
  }
  const registers = check.numbers<Ne2000Registers>(state.registers, REGISTER_WIDTHS);
  if (registers.sendNext > 0x100) throw check.refuse('sendNext is beyond the last page');
  if (registers.cr & Cr.transmit)
    throw check.refuse('a transmission is under way, which this card never saves');
  return {
    version: NE2000_STATE_VERSION,
    model: 'ne2000',
    registers,
    par: check.bytes(state.par, 6, 'the physical address'),
    mar: check.bytes(state.mar, 8, 'the multicast filter'),
    fifo: check.bytes(state.fifo, 8, 'the FIFO'),
    prom: check.bytes(state.prom, 6, 'the PROM'),
    ram: check.bytes(state.ram, ramLength, 'the packet memory'),
  };
}
