import { addressKind, isFor, passesMulticastFilter } from '../ethernet/address-filter';
import { endsWithFcs } from '../ethernet/fcs';
import {
  ETHERNET_HEADER,
  FCS_LENGTH,
  MAX_LINE_FRAME,
  MIN_LINE_FRAME,
  type EthernetLine,
} from '../ethernet/line';
import type { BusMaster } from '../pci/bus-master';
import type { InterruptLine } from '../platform';
import type { Eeprom93c46 } from './eeprom';
import { emptyRtl8139Metrics } from './metrics';
import type { Phy } from './phy';
import { Cpcr, Cr, Isr, Rcr, Tcr, Tsd, type Rtl8139Model } from './registers';
import { powerOnMemory, resetRegisters, type Rtl8139Memory, type Rtl8139Registers } from './state';
import type { Timer } from './timer';

/** What became of a frame that was to be sent. */
export type Sent = 'sent' | 'no-link' | 'refused';

/** A frame that passed the address filter is handed on with what the filter found. */
export interface Accepted {
  frame: Uint8Array;
  kind: 'broadcast' | 'multicast' | 'unicast';
  runt: boolean;
}

/** The parts of a card that all of its functional units share: registers, interrupt, memory access, both wires. */
export class Core {
  memory: Rtl8139Memory = powerOnMemory();
  readonly counters = emptyRtl8139Metrics();
  private lineUp = false;

  constructor(
    readonly name: string,
    readonly model: Rtl8139Model,
    readonly dma: BusMaster,
    readonly phy: Phy,
    readonly timer: Timer,
    readonly eeprom: Eeprom93c46,
    private readonly wire: EthernetLine,
    private readonly line: InterruptLine,
    /** Stores a frame that the filter took. */
    private readonly store: (core: Core, accepted: Accepted) => void,
  ) {
    this.memory.idr.set(eeprom.address);
  }

  get regs(): Rtl8139Registers {
    return this.memory.registers;
  }

  get transmits(): boolean {
    return (this.regs.cr & Cr.transmit) !== 0;
  }

  get receives(): boolean {
    return (this.regs.cr & Cr.receive) !== 0;
  }

  /** C+ mode of transmission and reception: descriptor rings instead of TSD and the receive buffer. */
  get plusTransmits(): boolean {
    return (this.regs.cpcr & Cpcr.transmit) !== 0;
  }

  get plusReceives(): boolean {
    return (this.regs.cpcr & Cpcr.receive) !== 0;
  }

  /** Transmit and receive units go back to their start; address, filter and configuration stay (CR, bit RST). */
  softReset(): void {
    this.memory.registers = resetRegisters(this.regs);
    this.memory.tsd.fill(Tsd.own);
    this.memory.tsad.fill(0);
    this.timer.restart();
    this.timer.interruptAt = 0;
    this.counters.resets++;
    this.updateLine();
  }

  powerOn(): void {
    this.memory = powerOnMemory();
    this.memory.idr.set(this.eeprom.address);
    this.eeprom.release();
    this.phy.reset();
    this.softReset();
  }

  signal(bits: number): void {
    this.regs.isr |= bits;
    this.updateLine();
  }

  updateLine(): void {
    const up = (this.regs.isr & this.regs.imr) !== 0;
    if (up === this.lineUp) return;
    this.lineUp = up;
    if (up) {
      this.counters.interrupts++;
      this.line.raise();
    } else this.line.lower();
  }

  /** The interrupt line as the registers of a restored state have it. */
  restoreLine(): void {
    this.lineUp = (this.regs.isr & this.regs.imr) !== 0;
    if (this.lineUp) this.line.raise();
    else this.line.lower();
  }

  // frames

  /** Sends what a descriptor held, with the check sequence in it if TCR says that the card appends none. */
  send(data: Uint8Array<ArrayBuffer>): Sent {
    const { counters, regs } = this;
    const ownFcs = (regs.tcr & Tcr.noCrc) !== 0;
    const frame = ownFcs ? data.slice(0, Math.max(0, data.length - FCS_LENGTH)) : data;
    if (frame.length < ETHERNET_HEADER || frame.length > MAX_LINE_FRAME) {
      counters.txDropped++;
      return 'refused';
    }
    if ((regs.tcr & Tcr.loopback) === Tcr.loopback) {
      counters.txLoopback++;
      if (this.receives) this.take(frame);
      return 'sent';
    }
    if (!this.phy.up || (ownFcs && !endsWithFcs(data))) {
      counters.txDropped++;
      return this.phy.up ? 'sent' : 'no-link'; // a wrong check sequence is found by those who hear the frame
    }
    counters.txPackets++;
    counters.txBytes += frame.length;
    this.wire.transmit(frame);
    return 'sent';
  }

  /** A frame from the segment. */
  receive(frame: Uint8Array): void {
    const looped = (this.regs.tcr & Tcr.loopback) === Tcr.loopback;
    if (frame.length < ETHERNET_HEADER || frame.length > MAX_LINE_FRAME) this.counters.rxDroppedSize++;
    else if (!this.receives || looped || !this.phy.up) this.counters.rxDroppedDown++;
    else this.take(frame);
  }

  private take(frame: Uint8Array): void {
    const { rcr } = this.regs;
    const kind = addressKind(frame);
    const runt = frame.length < MIN_LINE_FRAME;
    if (runt && !(rcr & Rcr.runts)) this.counters.rxDroppedSize++;
    else if (!this.wanted(kind, frame)) this.counters.rxFiltered++;
    else this.store(this, { frame, kind, runt });
  }

  private wanted(kind: Accepted['kind'], frame: Uint8Array): boolean {
    const { rcr } = this.regs;
    if (kind === 'broadcast') return (rcr & Rcr.broadcast) !== 0;
    if (kind === 'multicast') {
      return (rcr & Rcr.multicast) !== 0 && passesMulticastFilter(frame, this.memory.mar);
    }
    return (rcr & Rcr.allUnicast) !== 0 || ((rcr & Rcr.myUnicast) !== 0 && isFor(frame, this.memory.idr));
  }

  /** Accounts for a frame that was stored. */
  received({ frame, kind }: Accepted): void {
    const { counters, memory } = this;
    counters.rxPackets++;
    counters.rxBytes += frame.length;
    memory.tallies.rxOk++;
    if (kind === 'broadcast') memory.tallies.rxBroadcast++;
    else if (kind === 'multicast') memory.tallies.rxMulticast++;
    else memory.tallies.rxUnicast++;
    this.signal(Isr.received);
  }

  /** Accounts for a frame without room. */
  missed(): void {
    const { counters, memory, regs } = this;
    counters.rxMissed++;
    memory.tallies.missed++;
    regs.mpc = Math.min(regs.mpc + 1, 0xffffff);
    this.signal(Isr.overflow);
  }

  /** A frame was lost because memory could not be reached. */
  receiveAborted(): void {
    this.counters.rxDroppedDma++;
    this.memory.tallies.rxError++;
    this.signal(Isr.systemError);
  }
}
