import type { IoAccess } from '@v3vee/contracts';
import { rtl8139Registers } from '@v3vee/devices';
import { TPPOLL } from './probe';
import type { Rtl8139Variant } from './state';

const { Cr, Eecr, Rcr, Tcr, Tsd } = rtl8139Registers;

/** Bytes of each register from offset 0 on, and its name as in the datasheets; `-`: nothing there. */
const NAMES = `1 IDR0 1 IDR1 1 IDR2 1 IDR3 1 IDR4 1 IDR5 2 - 1 MAR0 1 MAR1 1 MAR2 1 MAR3 1 MAR4 1 MAR5 1 MAR6 1 MAR7
4 TSD0 4 TSD1 4 TSD2 4 TSD3 4 TSAD0 4 TSAD1 4 TSAD2 4 TSAD3 4 RBSTART 2 ERBCR 1 ERSR 1 CR 2 CAPR 2 CBR 2 IMR 2 ISR
4 TCR 4 RCR 4 TCTR 4 MPC 1 9346CR 1 CONFIG0 1 CONFIG1 1 - 4 TimerInt 1 MSR 1 CONFIG3 1 CONFIG4 1 HLTCLK 2 MULINT
1 RERID 1 - 2 TSAD 2 BMCR 2 BMSR 2 ANAR 2 ANLPAR 2 ANER 2 DIS 2 FCSC 2 NWAYTR 2 REC 4 CSCR 4 PHY1_PARM 4 TW_PARM
4 PHY2_PARM 8 CRC 64 Wakeup 8 LSBCRC 4 - 1 CONFIG5 39 -`;
/** On a C+, as it is in C+ mode: that is how its driver uses it. */
const PLUS = [
  ...([
    [0x10, 8, 'DTCCR'],
    [0x20, 8, 'TNPDS'],
    [0x28, 8, 'THPDS'],
    [TPPOLL, 1, 'TPPoll'],
    [0xda, 2, 'RMS'],
  ] as const),
  ...([
    [0xe0, 2, 'CPCR'],
    [0xe2, 2, 'IntrMitigate'],
    [0xe4, 8, 'RDSAR'],
    [0xec, 1, 'ETThR'],
  ] as const),
];

const plain = [...NAMES.matchAll(/(\d+) (\S+)/g)].flatMap(([, length, name]) =>
  Array<string>(Number(length)).fill(name!),
);
const BY_OFFSET: Record<Rtl8139Variant, string[]> = {
  rtl8139: plain,
  'rtl8139c+': PLUS.reduce((all, [at, length, name]) => all.fill(name, at, at + length), [...plain]),
};

export function registerName({ offset }: Pick<IoAccess, 'offset'>, variant: Rtl8139Variant): string {
  const name = BY_OFFSET[variant][offset];
  return name === undefined || name === '-' ? `0x${offset.toString(16).padStart(2, '0')}` : name;
}

const INTERRUPTS = 'ROK RER TOK TER RXOVW LinkChg FOVW TDU SWInt - - - - - Timeout SERR'.split(' ');
const bitsOf = (value: number, names: readonly string[]): string =>
  names.filter((_, bit) => value & (1 << bit)).join(', ');

/** What the value of an access means in the register that begins at its offset. */
export function describe({ direction, offset, value }: IoAccess, variant: Rtl8139Variant): string {
  const name = registerName({ offset }, variant);
  if (BY_OFFSET[variant][offset - 1] === name) return ''; // in the middle of one
  if (name.startsWith('TSD')) {
    if (!(value & Tsd.own))
      return `${direction === 'write' ? 'send' : 'sending'} ${value & Tsd.sizeMask} bytes`;
    return value & Tsd.aborted ? 'aborted' : value & Tsd.transmitted ? 'sent' : '';
  }
  switch (name) {
    case 'CR': {
      if (value & Cr.reset) return 'reset';
      const units = bitsOf(value >> 2, ['transmitter', 'receiver']).replace(', ', ' and ');
      return `${units ? `${units} on` : 'off'}${value & Cr.empty ? ', buffer empty' : ''}`;
    }
    case 'IMR':
    case 'ISR':
      return bitsOf(value & 0xffff, INTERRUPTS);
    case 'CAPR':
      return `read up to ${(value + 16) & 0xffff}`;
    case 'TCR':
      return (value & Tcr.loopback) === Tcr.loopback ? 'loopback' : '';
    case 'RCR': {
      const accepted = bitsOf(value, ['all', 'own', 'multicast', 'broadcast']);
      return `${8 << ((value >> Rcr.lengthShift) & 3)} KiB, takes ${accepted || 'nothing'}`;
    }
    case '9346CR':
      return ['lock', 'load from EEPROM', 'EEPROM pins', 'unlock'][(value & Eecr.modeMask) >> 6]!;
    case 'TPPoll':
      return bitsOf(value, ['software interrupt', '', '', '', '', '', 'normal ring', 'high priority ring']);
    case 'CPCR':
      return bitsOf(value, ['C+ transmitter', 'C+ receiver']);
    default:
      return '';
  }
}
