import type { HookRule, IoAccess } from '@v3vee/contracts';
import { ne2000Registers } from '@v3vee/devices';
import { ContextCheck, type Widths } from '../context-check';
import type { ShadowNotes } from '../model';
import { placeOf, registerName } from './registers';

const { BAR_SIZE, Cr, DATA_PORT, Dcr, RESET_PORT } = ne2000Registers;

/** What the model knows of a guest: registers that say how it uses the card, as it wrote them. */
export interface Ne2000ModelState {
  /** Length of the frame that is sent next, in bytes. */
  tbcr: number;
  /** Receive ring, in pages of 256 bytes. */
  pstart: number;
  pstop: number;
  dcr: number;
}

export const STATE_WIDTHS: Widths<Ne2000ModelState> = { tbcr: 16, pstart: 8, pstop: 8, dcr: 7 };

export const initialState = (): Ne2000ModelState => ({ tbcr: 0, pstart: 0, pstop: 0, dcr: 0 });

export const checkState = (value: unknown): Ne2000ModelState =>
  new ContextCheck('ne2000').numbers<Ne2000ModelState>(value, STATE_WIDTHS, 'what the model knows');

const write = (first: string, length: number) =>
  ({ direction: 'write', offset: placeOf('write', first).offset, length }) as const;
const resetPort = {
  offset: RESET_PORT,
  length: BAR_SIZE - RESET_PORT,
  class: 'exit',
  register: 'reset port',
  why: 'stops the controller and ends a remote DMA',
} as const;

/**
 * The hooked I/O list, the same in every state [reconstructed: the papers give a share, no list]. The card masters no
 * bus, so nothing must be stopped before it happens, and whether it is reusable can be read from CR: the data port,
 * CR and all else that a packet needs is open. A driver makes the exits when it sets the card up. A table of ports
 * knows no pages: what lies at the same offsets on pages 1 to 3 (PAR, MAR6) is hooked with them.
 */
export const hooks = (): HookRule[] => [
  {
    ...write('TBCR0', 2),
    class: 'shadow',
    register: 'TBCR',
    why: 'cannot be read back, and may be written long before the transmission that it is for',
  },
  {
    ...write('PSTART', 2),
    class: 'exit',
    register: 'PSTART, PSTOP',
    why: 'where the receive ring lies in packet memory',
  },
  { ...write('DCR', 1), class: 'exit', register: 'DCR', why: 'how wide the data port is' },
  { direction: 'read', ...resetPort },
  { direction: 'write', ...resetPort },
];

/** What the model knows after an access. Registers are bytes: it reaches those that it covers, lowest first. */
export function observe(state: Ne2000ModelState, access: IoAccess): Ne2000ModelState {
  const { direction, offset, size, value } = access;
  if (direction === 'read') {
    const resets = offset >= RESET_PORT && offset + size <= BAR_SIZE;
    return resets ? { ...state, dcr: state.dcr & ~Dcr.longAddress } : state;
  }
  if (offset + size > DATA_PORT) return state;
  let { page } = access;
  let next = state;
  for (let i = 0; i < size; i++) {
    const byte = (value >>> (8 * i)) & 0xff;
    next = written(next, registerName({ direction, offset: offset + i, page }), byte);
    if (offset + i === 0) page = byte >> Cr.pageShift;
  }
  return next;
}

/** What the model knows with what the VMM noted since. */
export const withNotes = (state: Ne2000ModelState, notes: ShadowNotes): Ne2000ModelState =>
  ['TBCR0', 'TBCR1'].reduce((merged, name) => {
    const byte = notes[placeOf('write', name).offset];
    return byte === undefined ? merged : written(merged, name, byte);
  }, state);

function written(state: Ne2000ModelState, register: string, byte: number): Ne2000ModelState {
  switch (register) {
    case 'PSTART':
      return { ...state, pstart: byte };
    case 'PSTOP':
      return { ...state, pstop: byte };
    case 'TBCR0':
      return { ...state, tbcr: (state.tbcr & 0xff00) | byte };
    case 'TBCR1':
      return { ...state, tbcr: (state.tbcr & 0xff) | (byte << 8) };
    case 'DCR':
      return { ...state, dcr: byte & 0x7f };
    default:
      return state;
  }
}
