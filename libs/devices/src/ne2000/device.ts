import { endsWithFcs, frameCheckSequence, withFcs } from '../ethernet/fcs';
import { ETHERNET_HEADER, FCS_LENGTH, MAX_LINE_FRAME, type EthernetLine } from '../ethernet/line';
import { buildConfigSpace } from '../pci/config-space';
import { DeviceFault, type InterruptLine, type Metrics, type PciBar, type PciFunction } from '../platform';
import { emptyNe2000Metrics } from './metrics';
import { PacketMemory } from './packet-memory';
import { accepts, hasRoom, store } from './receiver';
import * as reg from './registers';
import { Cr, Dcr, Eecr, Isr, Rcr, Rsr, Tcr, Tsr } from './registers';
import { RemoteDma } from './remote-dma';
import { checkNe2000State, NE2000_STATE_VERSION, powerOnRegisters, type Ne2000State } from './state';

export interface Ne2000Options {
  /** Six bytes: the address in the card's PROM. */
  mac: Uint8Array;
  /** Packet memory; 16 on the usual card. */
  memoryKiB?: 16 | 32;
  line: EthernetLine;
}

/**
 * A PCI network card of the NE2000 kind, register by register as drivers see the Realtek RTL8029AS (see
 * `registers.ts` for the datasheets; Linux: `ne2k-pci.c`, `lib8390.c`). It masters no bus: packets go through the
 * data port, by the controller's remote DMA.
 *
 * Differences from the chip: a transmission is over when the access that started it returns, there are no
 * collisions, and the EEPROM behind page 3 cannot be read.
 */
export class Ne2000 implements PciFunction {
  readonly config: Uint8Array;
  readonly bars: readonly PciBar[] = [{ kind: 'io', size: reg.BAR_SIZE }];

  private regs = powerOnRegisters();
  private par = new Uint8Array(6);
  private mar = new Uint8Array(8);
  private fifo = new Uint8Array(8);
  private readonly memory: PacketMemory;
  private readonly remote: RemoteDma;
  private readonly wire: EthernetLine;
  private readonly counters = emptyNe2000Metrics();
  private lineUp = false;

  constructor(
    readonly name: string,
    options: Ne2000Options,
    private readonly line: InterruptLine,
  ) {
    this.wire = options.line;
    this.memory = new PacketMemory(options.memoryKiB ?? 16);
    this.memory.address = options.mac;
    this.remote = new RemoteDma(this.memory, () => this.signal(Isr.remoteDone));
    this.config = buildConfigSpace(
      {
        vendor: reg.REALTEK_VENDOR,
        device: reg.RTL8029_DEVICE,
        revision: 0,
        classCode: 0x020000,
        subsystemVendor: reg.REALTEK_VENDOR,
        subsystem: reg.RTL8029_DEVICE,
      },
      [],
    );
  }

  // what the machine uses

  /** Another address in the PROM, which a driver sees when it next reads it. */
  setMac(mac: Uint8Array): void {
    this.memory.address = mac;
  }

  /** Plugs the cable in or out. The card has no register that shows it: it only hears and sends nothing. */
  setLink(up: boolean): void {
    this.regs.link = up ? 1 : 0;
  }

  reset(): void {
    const { link } = this.regs;
    this.regs = { ...powerOnRegisters(), link };
    for (const bytes of [this.par, this.mar, this.fifo, this.memory.ram]) bytes.fill(0);
    this.counters.resets++;
    this.updateLine();
  }

  // what the segment uses

  /** False while a running receiver has no room for a frame of full length: who can wait should. */
  ready(): boolean {
    const { regs } = this;
    const idle = regs.cr & Cr.stop || regs.tcr & Tcr.loopbackMask || regs.rcr & Rcr.monitor;
    return Boolean(idle) || hasRoom(regs, MAX_LINE_FRAME);
  }

  /** A frame from the segment, as {@link EthernetLine} describes frames. The card copies what it keeps. */
  receive(frame: Uint8Array): void {
    const { regs, counters } = this;
    if (frame.length < ETHERNET_HEADER || frame.length > MAX_LINE_FRAME) {
      counters.rxDroppedSize++;
      return;
    }
    if (regs.cr & Cr.stop || regs.tcr & Tcr.loopbackMask || !regs.link) {
      counters.rxDroppedDown++;
      return;
    }
    if (!accepts(regs.rcr, this.par, this.mar, frame)) {
      counters.rxFiltered++;
      return;
    }
    if (regs.rcr & Rcr.monitor) {
      regs.rsr = Rsr.disabled | Rsr.missed;
      return this.missed();
    }
    if (!store(regs, this.memory, frame)) {
      regs.rsr = Rsr.missed;
      this.signal(Isr.overwrite);
      return this.missed();
    }
    counters.rxPackets++;
    counters.rxBytes += frame.length;
    this.signal(Isr.received);
  }

  // what the guest uses

  /** Registers are bytes: a wider access reaches those that it covers, lowest first. */
  read(offset: number, size: number): number {
    if (this.isData(offset, size)) return this.remote.read(this.regs, size);
    if (offset >= reg.RESET_PORT) {
      this.resetController();
      return 0;
    }
    let value = 0;
    for (let i = 0; i < size; i++) value += this.readRegister(offset + i) * 2 ** (8 * i);
    return value;
  }

  write(offset: number, size: number, value: number): void {
    if (this.isData(offset, size)) return this.remote.write(this.regs, size, value);
    if (offset >= reg.RESET_PORT) return; // ends the reset pulse that the read began
    for (let i = 0; i < size; i++) this.writeRegister(offset + i, (value >>> (8 * i)) & 0xff);
  }

  /** Whether an access is one of the data port. Throws where it is half of that and half of something else. */
  private isData(offset: number, size: number): boolean {
    const end = offset + size;
    const within = (from: number, to: number) => offset >= from && end <= to;
    if (within(reg.DATA_PORT, reg.RESET_PORT)) return true;
    if (within(0, reg.DATA_PORT) || within(reg.RESET_PORT, reg.BAR_SIZE)) return false;
    throw new DeviceFault(
      this.name,
      `access of ${size} bytes at 0x${offset.toString(16)} straddles registers, data port and reset port`,
    );
  }

  private get page(): number {
    return this.regs.cr >> Cr.pageShift;
  }

  private readRegister(at: number): number {
    if (at === 0) return this.regs.cr;
    switch (this.page) {
      case 0:
        return this.readPage0(at);
      case 1:
        return at < 7 ? this.par[at - 1]! : at === 7 ? this.regs.curr : this.mar[at - 8]!;
      case 2:
        return this.readPage2(at);
      default:
        return this.readPage3(at);
    }
  }

  private readPage0(at: number): number {
    const { regs } = this;
    switch (at) {
      case 0x01:
        return regs.clda & 0xff;
      case 0x02:
        return regs.clda >> 8;
      case 0x03:
        return regs.bnry;
      case 0x04:
        return regs.tsr;
      case 0x05:
        return 0; // number of collisions
      case 0x06:
        return this.readFifo();
      case 0x07:
        return regs.isr;
      case 0x08:
        return regs.rsar & 0xff;
      case 0x09:
        return regs.rsar >> 8;
      case 0x0a:
      case 0x0b:
        return reg.ID_PAGE0[at - 0x0a]!;
      case 0x0c:
        return regs.rsr;
      default:
        return this.readTally(at);
    }
  }

  private readTally(at: number): number {
    const name = (['tallyAlignment', 'tallyCrc', 'tallyMissed'] as const)[at - 0x0d]!;
    const value = this.regs[name];
    this.regs[name] = 0;
    return value;
  }

  /** The FIFO can only be looked at in loopback, byte after byte. */
  private readFifo(): number {
    if (!(this.regs.tcr & Tcr.loopbackMask)) return 0;
    const value = this.fifo[this.regs.fifoAt]!;
    this.regs.fifoAt = (this.regs.fifoAt + 1) & 7;
    return value;
  }

  private readPage2(at: number): number {
    const { regs } = this;
    const shown = [
      ...[regs.cr, regs.pstart, regs.pstop, regs.remoteNext, regs.tpsr, regs.curr],
      ...[regs.addressCounter >> 8, regs.addressCounter & 0xff, 0, 0, 0, 0],
      ...[regs.rcr | 0xc0, regs.tcr | 0xe0, regs.dcr | 0x80, regs.imr | 0x80],
    ];
    return shown[at]!;
  }

  private readPage3(at: number): number {
    switch (at) {
      case 0x01:
        return this.regs.eecr;
      case 0x05:
        return this.regs.config2;
      case 0x06:
        return this.regs.config3;
      case 0x0e:
      case 0x0f:
        return reg.ID_PAGE3[at - 0x0e]!;
      default:
        return 0;
    }
  }

  private writeRegister(at: number, value: number): void {
    if (at === 0) return this.writeCommand(value);
    switch (this.page) {
      case 0:
        return this.writePage0(at, value);
      case 1:
        if (at < 7) this.par[at - 1] = value;
        else if (at === 7) this.regs.curr = value;
        else this.mar[at - 8] = value;
        return;
      case 2:
        return this.writePage2(at, value);
      default:
        return this.writePage3(at, value);
    }
  }

  private writePage0(at: number, value: number): void {
    const { regs } = this;
    switch (at) {
      case 0x01:
        regs.pstart = value;
        return;
      case 0x02:
        regs.pstop = value;
        return;
      case 0x03:
        regs.bnry = value;
        return;
      case 0x04:
        regs.tpsr = value;
        return;
      case 0x05:
        regs.tbcr = (regs.tbcr & 0xff00) | value;
        return;
      case 0x06:
        regs.tbcr = (regs.tbcr & 0xff) | (value << 8);
        return;
      case 0x07:
        regs.isr &= ~value | Isr.reset; // the reset bit follows the controller, not the driver
        return this.updateLine();
      case 0x08:
        regs.rsar = (regs.rsar & 0xff00) | value;
        return;
      case 0x09:
        regs.rsar = (regs.rsar & 0xff) | (value << 8);
        return;
      case 0x0a:
        regs.rbcr = (regs.rbcr & 0xff00) | value;
        return;
      case 0x0b:
        regs.rbcr = (regs.rbcr & 0xff) | (value << 8);
        return;
      case 0x0c:
        regs.rcr = value & 0x3f;
        return;
      case 0x0d:
        regs.tcr = value & 0x1f;
        return;
      case 0x0e:
        regs.dcr = value & 0x7f;
        return;
      case 0x0f:
        regs.imr = value & 0x7f;
        return this.updateLine();
    }
  }

  /** "Diagnostic purposes only": the datasheet lets these be written so that chips can be tested. */
  private writePage2(at: number, value: number): void {
    const { regs } = this;
    if (at === 0x01) regs.clda = (regs.clda & 0xff00) | value;
    else if (at === 0x02) regs.clda = (regs.clda & 0xff) | (value << 8);
    else if (at === 0x03) regs.remoteNext = value;
    else if (at === 0x05) regs.curr = value;
    else if (at === 0x06) regs.addressCounter = (regs.addressCounter & 0xff) | (value << 8);
    else if (at === 0x07) regs.addressCounter = (regs.addressCounter & 0xff00) | value;
  }

  private writePage3(at: number, value: number): void {
    const { regs } = this;
    if (at === 0x01) regs.eecr = value & 0xfe;
    if ((regs.eecr & Eecr.configWrite) !== Eecr.configWrite) return;
    if (at === 0x05) regs.config2 = value & reg.CONFIG2_WRITABLE;
    if (at === 0x06) regs.config3 = value & reg.CONFIG3_WRITABLE;
  }

  private writeCommand(value: number): void {
    const { regs } = this;
    const remote = value & Cr.remoteMask;
    // Neither stop nor start keeps the controller as it is; the transmit bit cannot be written to 0 (datasheet).
    const running = value & (Cr.stop | Cr.start) || regs.cr & (Cr.stop | Cr.start);
    // No remote command: a transfer under way goes on (the datasheet does not allow it, drivers of clones do it).
    const kept = regs.cr & Cr.remoteMask;
    regs.cr = (value & 0xc0) | (remote === 0 ? kept : remote & Cr.remoteDone || remote) | running;
    if (regs.cr & Cr.stop) regs.isr |= Isr.reset;
    else regs.isr &= ~Isr.reset;
    if (remote) this.remote.begin(regs);
    if (value & Cr.transmit && !(regs.cr & Cr.stop)) this.transmit();
    this.updateLine();
  }

  // the controller

  private resetController(): void {
    const { regs } = this;
    regs.cr = Cr.stop | Cr.remoteDone;
    regs.isr = Isr.reset;
    regs.imr = 0;
    regs.dcr &= ~Dcr.longAddress;
    regs.tcr &= ~Tcr.loopbackMask;
    regs.sendNext = 0;
    this.counters.resets++;
    this.updateLine();
  }

  private transmit(): void {
    const { regs, counters } = this;
    const data = this.memory.slice(regs.tpsr << 8, Math.min(regs.tbcr, MAX_LINE_FRAME + FCS_LENGTH));
    const ownFcs = (regs.tcr & Tcr.noCrc) !== 0;
    const frame = ownFcs ? data.slice(0, Math.max(0, data.length - FCS_LENGTH)) : data;
    const fits = regs.tbcr - (ownFcs ? FCS_LENGTH : 0) <= MAX_LINE_FRAME && frame.length >= ETHERNET_HEADER;
    if (!fits) {
      // the transceiver's jabber control cuts a frame without end off; one without a header has no receiver
      counters.txDropped++;
      regs.tsr = Tsr.aborted;
      return this.signal(Isr.transmitError);
    }
    if (regs.tcr & Tcr.loopbackMask) return this.loopBack(data, ownFcs);
    regs.tsr = Tsr.transmitted | Tsr.notDeferred;
    if (!regs.link) regs.tsr |= Tsr.carrierLost;
    this.signal(Isr.transmitted);
    if (!regs.link || (ownFcs && !endsWithFcs(data))) {
      counters.txDropped++;
      return;
    }
    counters.txPackets++;
    counters.txBytes += frame.length;
    this.wire.transmit(frame);
  }

  /**
   * Loopback stores nothing: the last bytes stay in the FIFO with the length behind them, and only the transmit bit
   * of the interrupt status is set. The one check sequence circuit cannot append and verify at once, so that an
   * appended one is always reported as wrong (datasheet, "Loopback Diagnostics", tables of TSR, RSR and ISR).
   */
  private loopBack(data: Uint8Array, ownFcs: boolean): void {
    const { regs } = this;
    const sent = ownFcs ? data : withFcs(data);
    this.fifo.set(sent.subarray(sent.length - 5));
    this.fifo.set([sent.length & 0xff, sent.length >> 8, sent.length >> 8], 5);
    regs.fifoAt = 0;
    const mode = regs.tcr & Tcr.loopbackMask;
    regs.tsr = Tsr.transmitted | Tsr.notDeferred;
    if (mode !== Tcr.loopbackExternal) regs.tsr |= Tsr.noHeartbeat;
    if (mode === Tcr.loopbackInternal) regs.tsr |= Tsr.carrierLost;
    const wrong = !ownFcs || frameCheckSequence(sent.subarray(0, -4)) !== lastWord(sent);
    regs.rsr = wrong ? Rsr.crcError : Rsr.intact;
    this.counters.txLoopback++;
    this.signal(Isr.transmitted);
  }

  /** Counts a packet that could not be taken, as the chip does; the counter stands still at its end. */
  private missed(): void {
    const { regs } = this;
    this.counters.rxMissed++;
    regs.tallyMissed = Math.min(regs.tallyMissed + 1, reg.TALLY_MAX);
    if (regs.tallyMissed >= reg.TALLY_INTERRUPT) this.signal(Isr.counter);
  }

  private signal(bits: number): void {
    this.regs.isr |= bits;
    this.updateLine();
  }

  private updateLine(): void {
    const up = (this.regs.isr & this.regs.imr) !== 0;
    if (up === this.lineUp) return;
    this.lineUp = up;
    if (up) {
      this.counters.interrupts++;
      this.line.raise();
    } else this.line.lower();
  }

  // saved state

  save(): Ne2000State {
    return {
      version: NE2000_STATE_VERSION,
      model: 'ne2000',
      registers: { ...this.regs },
      par: this.par.slice(),
      mar: this.mar.slice(),
      fifo: this.fifo.slice(),
      prom: this.memory.address,
      ram: this.memory.ram.slice(),
    };
  }

  restore(saved: unknown): void {
    const state = checkNe2000State(this.name, saved, this.memory.ram.length);
    this.regs = state.registers;
    this.par.set(state.par);
    this.mar.set(state.mar);
    this.fifo.set(state.fifo);
    this.memory.address = state.prom;
    this.memory.ram.set(state.ram);
    this.lineUp = (this.regs.isr & this.regs.imr) !== 0;
    if (this.lineUp) this.line.raise();
    else this.line.lower();
  }

  metrics(): Metrics {
    return { ...this.counters };
  }
}

const lastWord = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
