import type { Direction, IoAccess } from '@v3vee/contracts';
import { ne2000Registers } from '@v3vee/devices';
import type { DeviceRegisters } from '../model';

const { Cr, DATA_PORT, Dcr, Isr, Rcr, RESET_PORT, Rsr, Tcr, Tsr } = ne2000Registers;

/**
 * Names by page, offsets 0 to 15, as in the datasheets (DP8390D, "Register Address Assignments"; RTL8029AS, chapter
 * 5). Short ones of ours where those spell out: RNPP and LNPP, the next packet pointers; ADDR, the address counter.
 */
const NAMES: Record<Direction, string[][]> = {
  read: [
    'CR CLDA0 CLDA1 BNRY TSR NCR FIFO ISR CRDA0 CRDA1 8029ID0 8029ID1 RSR CNTR0 CNTR1 CNTR2',
    'CR PAR0 PAR1 PAR2 PAR3 PAR4 PAR5 CURR MAR0 MAR1 MAR2 MAR3 MAR4 MAR5 MAR6 MAR7',
    'CR PSTART PSTOP RNPP TPSR LNPP ADDR1 ADDR0 - - - - RCR TCR DCR IMR',
    'CR 9346CR - CONFIG0 - CONFIG2 CONFIG3 - - - - - - - 8029ASID0 8029ASID1',
  ].map(page => page.split(' ')),
  write: [
    'CR PSTART PSTOP BNRY TPSR TBCR0 TBCR1 ISR RSAR0 RSAR1 RBCR0 RBCR1 RCR TCR DCR IMR',
    'CR PAR0 PAR1 PAR2 PAR3 PAR4 PAR5 CURR MAR0 MAR1 MAR2 MAR3 MAR4 MAR5 MAR6 MAR7',
    'CR CLDA0 CLDA1 RNPP - LNPP ADDR1 ADDR0 - - - - - - - -',
    'CR 9346CR - - - CONFIG2 CONFIG3 - - HLTCLK - - - - - -',
  ].map(page => page.split(' ')),
};

export const PAGES = NAMES.read.length;

export interface Place {
  page: number;
  offset: number;
}

const places = (direction: Direction): ReadonlyMap<string, Place> =>
  new Map(NAMES[direction].flatMap((names, page) => names.map((name, offset) => [name, { page, offset }])));
const PLACES = { read: places('read'), write: places('write') };

/** Where a register is read or written: page 2 shows what page 0 only takes, and the other way round. */
export const placeOf = (direction: Direction, name: string): Place => PLACES[direction].get(name)!;

export const currentPage = (registers: DeviceRegisters): number => registers.read(0, 1) >> Cr.pageShift;

/** Selects a page and nothing else: neither start nor stop, and a remote DMA under way goes on. */
export const select = (registers: DeviceRegisters, page: number): void =>
  registers.write(0, 1, page << Cr.pageShift);

/** A register by name, whatever page is selected; afterwards, its own is. Never for CR, which is on all. */
export function get(registers: DeviceRegisters, name: string): number {
  const { page, offset } = placeOf('read', name);
  select(registers, page);
  return registers.read(offset, 1);
}

export function put(registers: DeviceRegisters, name: string, value: number): void {
  const { page, offset } = placeOf('write', name);
  select(registers, page);
  registers.write(offset, 1, value);
}

/** Two registers of which `name` and 0 is the lower half. */
export const getWord = (registers: DeviceRegisters, name: string): number =>
  get(registers, `${name}0`) | (get(registers, `${name}1`) << 8);

export function putWord(registers: DeviceRegisters, name: string, value: number): void {
  put(registers, `${name}0`, value & 0xff);
  put(registers, `${name}1`, value >> 8);
}

// for people

/** An access that covers several registers has the name of the first; a place without one is `page 2, 0x08`. */
export function registerName(access: Pick<IoAccess, 'direction' | 'offset' | 'page'>): string {
  const { direction, offset, page } = access;
  if (offset >= RESET_PORT) return 'reset port';
  if (offset >= DATA_PORT) return 'data port';
  const name = NAMES[direction][page]?.[offset];
  return name && name !== '-' ? name : `page ${page}, 0x${offset.toString(16).padStart(2, '0')}`;
}

/** Bits of registers, whose names in code are those of the datasheets, spelt out. */
const FLAGS: Record<string, Record<string, number>> = { ISR: Isr, IMR: Isr, RCR: Rcr, TSR: Tsr, RSR: Rsr };
const REMOTE = { 0x08: 'remote read', 0x10: 'remote write', 0x18: 'send packet', 0x00: '' };
const LOOPBACK = ['normal operation', 'internal loopback', 'encoder loopback', 'external loopback'];
const PAGES_OF_MEMORY = new Set(['PSTART', 'PSTOP', 'BNRY', 'CURR', 'TPSR']);

/** What the byte at `offset` means: `start, page 0, remote done`. */
export const describe = (access: IoAccess): string =>
  meanings(registerName(access), access.value & 0xff)
    .filter(Boolean)
    .join(', ');

function meanings(name: string, value: number): string[] {
  if (FLAGS[name]) return flags(FLAGS[name], name === 'IMR' ? value & ~Isr.reset : value);
  if (PAGES_OF_MEMORY.has(name)) return [`packet memory 0x${(value << 8).toString(16).padStart(4, '0')}`];
  if (name === 'DCR') return [value & Dcr.wordTransfer ? 'words' : 'bytes'];
  if (name === 'TCR') return [LOOPBACK[(value & Tcr.loopbackMask) >> 1]!, value & Tcr.noCrc ? 'no crc' : ''];
  if (name !== 'CR') return [];
  const { stop, start, transmit, remoteDone, remoteMask, pageShift } = Cr;
  const remote = (value & remoteMask) as keyof typeof REMOTE;
  const channel = value & remoteDone ? 'remote done' : REMOTE[remote];
  return [...flags({ stop, start, transmit }, value), `page ${value >> pageShift}`, channel];
}

const flags = (of: Record<string, number>, value: number): string[] =>
  Object.keys(of)
    .filter(name => value & of[name]!)
    .map(name => name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`));
