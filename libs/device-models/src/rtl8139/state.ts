import type { IoAccess } from '@v3vee/contracts';
import { rtl8139Registers } from '@v3vee/devices';
import type { ContextCheck } from '../context-check';

const { Cpcr, Cr, Eecr, Rcr, Reg, Tsd } = rtl8139Registers;

/** By the driver that Linux has for them: 8139too and 8139cp. */
export type Rtl8139Variant = 'rtl8139' | 'rtl8139c+';

/** How far a transmission may reach from TSAD on: TSD's size field has 13 bits, whatever a driver sends. */
export const TRANSMIT_REACH = Tsd.sizeMask + 1;
/** What of RCR decides where a reception goes: the buffer's length, and whether packets run over its end. */
export const RING_BITS = Rcr.noWrap | (3 << Rcr.lengthShift);
const UNITS = Cr.receive | Cr.transmit;
const MODES = Cpcr.transmit | Cpcr.receive;

/** A transmit descriptor of C mode: TSD and TSAD of one number. */
export interface TransmitSlot {
  /** TSAD, in bytes. In C+ mode, half of a ring's address. */
  address: number;
  /** Bytes of a transmission that may wait in it: 0 none, {@link TRANSMIT_REACH} it is not known how many. */
  waiting: number;
  /** TSD was written since TSAD was. */
  used: boolean;
}

/**
 * What the model knows of a card: the registers that say where a DMA goes, exactly as the card holds them, and what
 * follows for the guest's accesses.
 */
export interface Rtl8139ModelState {
  slots: TransmitSlot[];
  rbstart: number;
  /** Masked with {@link RING_BITS}. */
  rcr: number;
  /** Bits RE and TE. */
  cr: number;
  /** C+ only, as are the rest of the registers: which of the units are in C+ mode. */
  cpcr: number;
  rdsar: number;
  rdsarHigh: number;
  dtccr: number;
  dtccrHigh: number;
  /** The windows were seen to lie in the memory of the guest; false for a state that comes from outside. */
  verified: boolean;
  /** The guest could have written to the EEPROM since it got the card. */
  eeprom: boolean;
}

export const initialState = (): Rtl8139ModelState => ({
  slots: Array.from({ length: 4 }, () => ({ address: 0, waiting: 0, used: false })),
  ...{ rbstart: 0, rcr: 0, cr: 0, cpcr: 0, rdsar: 0, rdsarHigh: 0, dtccr: 0, dtccrHigh: 0 },
  verified: false,
  eeprom: false,
});

/** In C+ mode, TSD0 and TSD1 are DTCCR. */
export const inPlusMode = ({ cpcr }: Pick<Rtl8139ModelState, 'cpcr'>): boolean => (cpcr & MODES) !== 0;

/** What of an access reaches one double word. */
export interface Part {
  at: number;
  value: number;
  /** Ones where the access carries bits. */
  mask: number;
}

/** An access as the PCI bus has it: one or two double words with byte enables. */
export function partsOf({ offset, size, value }: Pick<IoAccess, 'offset' | 'size' | 'value'>): Part[] {
  const shift = 8 * (offset & 3);
  const ones = 2 ** (8 * size) - 1;
  const parts = [{ at: offset & ~3, value: (value << shift) >>> 0, mask: (ones << shift) >>> 0 }];
  const left = 32 - shift;
  if (8 * size > left) parts.push({ at: (offset & ~3) + 4, value: value >>> left, mask: ones >>> left });
  return parts;
}

/**
 * What is known once a part of a write has been made.
 * @param memorySize of the guest, in bytes
 */
export function written(
  state: Rtl8139ModelState,
  part: Part,
  variant: Rtl8139Variant,
  memorySize: number,
): Rtl8139ModelState {
  const { at, value, mask } = part;
  const merge = (old: number): number => ((old & ~mask) | (value & mask)) >>> 0;
  switch (at) {
    case Reg.rbstart:
      return { ...state, rbstart: (merge(state.rbstart) & ~3) >>> 0 };
    case Reg.cr:
      return mask >>> 24 ? commanded(state, value >>> 24) : state;
    case Reg.rcr:
      return { ...state, rcr: merge(state.rcr) & RING_BITS };
    case Reg.config:
      return mask & 0xff && (value & Eecr.modeMask) === Eecr.program ? { ...state, eeprom: true } : state;
  }
  if (at >= Reg.tsad0 && at < Reg.rbstart) return withSlot(state, (at - Reg.tsad0) >> 2, moved(state, merge));
  if (variant === 'rtl8139c+') {
    switch (at) {
      case Reg.cpcr:
        return { ...state, cpcr: merge(state.cpcr) & MODES };
      case Reg.rdsar:
        return { ...state, rdsar: (merge(state.rdsar) & ~0xff) >>> 0 };
      case Reg.rdsarHigh:
        return { ...state, rdsarHigh: merge(state.rdsarHigh) };
    }
    if (inPlusMode(state)) {
      if (at === Reg.dtccr) return { ...state, dtccr: (merge(state.dtccr) & ~0x3f) >>> 0 };
      if (at === Reg.dtccrHigh) return { ...state, dtccrHigh: merge(state.dtccrHigh) };
    }
  }
  if (at >= Reg.tsd0 && at < Reg.tsad0) {
    return withSlot(state, (at - Reg.tsd0) >> 2, slot => handedOver(slot, part, memorySize));
  }
  return state;
}

const withSlot = (
  state: Rtl8139ModelState,
  n: number,
  change: (slot: TransmitSlot, n: number) => TransmitSlot,
): Rtl8139ModelState => ({
  ...state,
  slots: state.slots.map((slot, i) => (i === n ? change(slot, n) : slot)),
});

/** CR: a reset forgets all; a transmitter that is switched on has nothing to send. */
function commanded(state: Rtl8139ModelState, value: number): Rtl8139ModelState {
  const { verified, eeprom } = state;
  if (value & Cr.reset) return { ...initialState(), verified, eeprom };
  const next = { ...state, cr: value & UNITS };
  if (!(value & ~state.cr & Cr.transmit)) return next;
  return { ...next, slots: state.slots.map(({ address }) => ({ address, waiting: 0, used: false })) };
}

/** TSAD: double words, or, in C+ mode, the halves of addresses of rings at multiples of 256 bytes. */
const moved =
  ({ cpcr }: Rtl8139ModelState, merge: (old: number) => number) =>
  (slot: TransmitSlot, n: number): TransmitSlot => {
    const unused = !(cpcr & Cpcr.transmit) ? 3 : n & 1 ? 0 : 0xff;
    return { ...slot, address: (merge(slot.address) & ~unused) >>> 0, used: false };
  };

/**
 * TSD. A driver that leaves TSAD alone for a second time is taken to do so from now on: if all that TSD can ask for
 * lies in memory, its accesses need not be seen any more.
 */
function handedOver(slot: TransmitSlot, { value, mask }: Part, memorySize: number): TransmitSlot {
  if (!(mask & 0xffff)) return slot; // neither size nor OWN
  const settled = slot.used || slot.waiting === TRANSMIT_REACH;
  const inside = slot.address + TRANSMIT_REACH <= memorySize;
  if ((mask & 0xffff) !== 0xffff || (settled && inside)) {
    return { ...slot, waiting: TRANSMIT_REACH, used: true };
  }
  const waiting = value & Tsd.own ? 0 : Math.max(1, value & Tsd.sizeMask); // 1: nothing is addressed, too
  return { ...slot, waiting, used: true };
}

const WIDTHS = {
  ...{ rbstart: 32, rcr: 16, cr: 8, cpcr: 2, rdsar: 32, rdsarHigh: 32, dtccr: 32, dtccrHigh: 32 },
} as const;

/** Nothing tells whether its windows lie in the guest's memory: the next write that is observed does. */
export function checkState(check: ContextCheck, value: unknown): Rtl8139ModelState {
  const found = check.object(value, 'what the model knows');
  const { slots } = found;
  if (!Array.isArray(slots) || slots.length !== 4)
    throw check.refuse('there are not four transmit descriptors');
  return {
    ...check.numbers<Record<keyof typeof WIDTHS, number>>(found, WIDTHS, 'what the model knows'),
    slots: Array.from(slots as unknown[], item => {
      const slot = check.object(item, 'a transmit descriptor');
      const waiting = check.number(slot.waiting, 14, 'what waits in a transmit descriptor');
      if (waiting > TRANSMIT_REACH) throw check.refuse(`a transmission has ${waiting} bytes`);
      return { address: check.number(slot.address, 32, 'TSAD'), waiting, used: slot.used === true };
    }),
    verified: false,
    eeprom: found.eeprom !== false,
  };
}
