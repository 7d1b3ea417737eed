import { rtl8139Registers } from '@v3vee/devices';
import type { DeviceAtRest, DeviceRegisters } from '../model';
import { RING_BYTES } from './dma';
import { CR } from './hooks';
import {
  describeBuffer,
  enterLoopback,
  EVERYTHING,
  firstGivenBack,
  lending,
  writeAddress,
  type Lent,
} from './loopback';

const { Cpcr, Cr, Desc, Poll, Reg, RING_MAX, Tsd } = rtl8139Registers;

export const TPPOLL = Reg.config5 + 1;
/** Sent from address 0 of the guest's memory, as all dummies; 60 bytes are a whole frame. */
const DUMMY = 60;
/** Many small parts that make a frame: as short as one may be alone, and 63 of them are not too long. */
export const PART = 24;

/** Which descriptor each unit takes next; 0 of a unit that is off: it begins there. */
export interface Positions {
  /** Transmit descriptor of C mode. */
  TXNEXT: number;
  /** In the rings of TNPDS, THPDS and RDSAR. */
  TNPNEXT: number;
  THPNEXT: number;
  RXNEXT: number;
}

/**
 * Finds the card's positions. All registers must have been read: transmitted descriptors, addresses and modes are gone
 * afterwards.
 * @param cr as it is
 * @param rdsar of the guest; undefined for a C
 */
export function probe(device: DeviceAtRest, cr: number, rdsar: number | undefined): Positions {
  const { registers } = device;
  const found: Positions = { TXNEXT: 0, TNPNEXT: 0, THPNEXT: 0, RXNEXT: 0 };
  if (cr & Cr.transmit) {
    enterLoopback(registers);
    found.TXNEXT = probeTransmit(registers, rdsar !== undefined);
    if (rdsar !== undefined) Object.assign(found, probeRings(device));
  }
  if (cr & Cr.receive && rdsar !== undefined) {
    if (!(cr & Cr.transmit)) {
      registers.write(CR, 1, Cr.receive | Cr.transmit);
      enterLoopback(registers);
    }
    found.RXNEXT = probeReception(device, rdsar);
  }
  return found;
}

/** Hands over one descriptor after the other: the first that is sent at once is the one whose turn it is. */
function probeTransmit(registers: DeviceRegisters, plus: boolean): number {
  // what waits is withdrawn, in C+ mode first: there, nothing starts it
  if (plus) {
    registers.write(Reg.cpcr, 2, Cpcr.transmit);
    for (let n = 2; n < 4; n++) registers.write(Reg.tsd0 + 4 * n, 4, Tsd.own);
    registers.write(Reg.cpcr, 2, 0);
  }
  for (let n = 0; n < 4; n++) {
    registers.write(Reg.tsad0 + 4 * n, 4, 0);
    registers.write(Reg.tsd0 + 4 * n, 4, Tsd.own);
  }
  for (let n = 0; n < 4; n++) {
    registers.write(Reg.tsd0 + 4 * n, 4, DUMMY);
    if (registers.read(Reg.tsd0 + 4 * n, 4) & Tsd.own) return n;
  }
  return 0;
}

/**
 * Gives the card, for both of its rings, one frame that ends with the last descriptor and has a part in each but the
 * first, beginning with any of them: it takes those from its position on. Nothing given back: it stands at the first.
 * The rings' addresses are written in C mode, which leaves the positions alone.
 */
const probeRings = ({ registers, memory }: DeviceAtRest): Pick<Positions, 'TNPNEXT' | 'THPNEXT'> =>
  lending(memory, undefined, ({ rings }) => {
    for (const ring of rings) {
      describeBuffer(memory, ring, 0, 0);
      for (let i = 1; i < RING_MAX; i++) {
        const marks = Desc.own | Desc.first | (i === RING_MAX - 1 ? Desc.last | Desc.endOfRing : 0);
        describeBuffer(memory, ring, i, marks, PART);
      }
    }
    writeAddress(registers, Reg.tnpds, rings[0]);
    writeAddress(registers, Reg.thpds, rings[1]);
    registers.write(Reg.cpcr, 2, Cpcr.transmit);
    registers.write(TPPOLL, 1, Poll.normal | Poll.high);
    const position = (ring: number) => firstGivenBack(memory, ring, 1) ?? 0;
    return { TNPNEXT: position(rings[0]), THPNEXT: position(rings[1]) };
  });

/**
 * Gives the card all of the guest's ring, which cannot be elsewhere (a write to RDSAR starts it over), and sends it a
 * frame. A ring that is not in memory was never used: its position is 0.
 */
function probeReception({ registers, memory }: DeviceAtRest, rdsar: number): number {
  if (rdsar + RING_BYTES > memory.size) return 0;
  return lending(memory, rdsar, lent => {
    for (let i = 0; i < RING_MAX; i++) describeBuffer(memory, rdsar, i, Desc.own, 1536, lent.frame);
    registers.write(Reg.rdsarHigh, 4, 0);
    receiveOne({ registers, memory }, lent, DUMMY);
    return firstGivenBack(memory, rdsar) ?? 0;
  });
}

/** Has a card in loopback send itself a frame of that length, from the normal ring to that of RDSAR. */
export function receiveOne({ registers, memory }: DeviceAtRest, { rings }: Lent, length: number): void {
  registers.write(Reg.cpcr, 2, Cpcr.transmit | Cpcr.receive);
  writeAddress(registers, Reg.tnpds, rings[0]);
  describeBuffer(memory, rings[0], 0, Desc.own | Desc.first | Desc.last, length);
  describeBuffer(memory, rings[0], 1, 0);
  registers.write(Reg.rcr, 4, EVERYTHING);
  registers.write(TPPOLL, 1, Poll.normal);
  registers.write(Reg.rcr, 4, 0);
}
