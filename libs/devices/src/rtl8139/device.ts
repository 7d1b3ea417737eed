import { isFor } from '../ethernet/address-filter';
import { SavedState } from '../ethernet/saved-state';
import { MAX_LINE_FRAME, type EthernetLine } from '../ethernet/line';
import { BusMaster, type BusMasterOptions } from '../pci/bus-master';
import { buildConfigSpace } from '../pci/config-space';
import {
  DeviceFault,
  type GuestMemory,
  type InterruptLine,
  type Metrics,
  type PciBar,
  type PciFunction,
} from '../platform';
import { Core, type Accepted } from './core';
import { Eeprom93c46 } from './eeprom';
import { Phy } from './phy';
import { continueTransmit, descriptorReady, storeInDescriptors } from './plus-ring';
import { readDword, writeDword } from './register-file';
import { BAR_SIZE, Isr, MODELS, REALTEK_VENDOR, RTL8139_DEVICE, type Rtl8139Model } from './registers';
import { ringHasRoom, storeInRing } from './ring';
import { checkRtl8139State, RTL8139_STATE_VERSION, type Rtl8139State } from './state';
import { Timer } from './timer';

export interface Rtl8139Options extends BusMasterOptions {
  /** Six bytes: the address in the card's EEPROM. */
  mac: Uint8Array;
  /** `C` is driven by Linux's 8139too, `C+`, with descriptor rings and offloads as well, by 8139cp. */
  model: Rtl8139Model;
  line: EthernetLine;
  /** Guest time in milliseconds, never going back: it drives the card's timer. */
  now?(): number;
}

/**
 * A Realtek RTL8139C or C+ fast Ethernet card, register by register (see `registers.ts` for the datasheets). It shows
 * the same registers through ports and through memory, and masters the bus: every transfer to or from guest memory
 * goes through {@link BusMaster}, where a guard can be put in front of it.
 *
 * Differences from the chip: a transmission is over when the access that started it returns (a C+ ring that holds
 * more than 64 frames goes on at the next {@link poll}), an aborted one is not repeated after CLRABT, there are no
 * early receive interrupts, no wake-up and no boot ROM.
 */
export class Rtl8139 implements PciFunction {
  readonly config: Uint8Array;
  readonly bars: readonly PciBar[] = [
    { kind: 'io', size: BAR_SIZE },
    { kind: 'memory', size: BAR_SIZE },
  ];
  private readonly core: Core;

  constructor(
    readonly name: string,
    private readonly options: Rtl8139Options,
    memory: GuestMemory,
    line: InterruptLine,
  ) {
    this.core = new Core(
      name,
      options.model,
      new BusMaster(name, memory, options),
      new Phy(),
      new Timer(options.now ?? (() => 0)),
      new Eeprom93c46(options.mac),
      options.line,
      line,
      storeFrame,
    );
    this.config = buildConfigSpace(
      {
        vendor: REALTEK_VENDOR,
        device: RTL8139_DEVICE,
        revision: MODELS[options.model].revision,
        classCode: 0x020000,
        subsystemVendor: REALTEK_VENDOR,
        subsystem: RTL8139_DEVICE,
      },
      [],
    );
  }

  // what the machine uses

  /** Another address in the EEPROM, and in the address registers unless a driver wrote its own there. */
  setMac(mac: Uint8Array): void {
    const { eeprom, memory } = this.core;
    const untouched = isFor(memory.idr, eeprom.address);
    eeprom.address = mac;
    if (untouched) memory.idr.set(mac);
  }

  /** Plugs the cable in or out. */
  setLink(up: boolean): void {
    const { phy } = this.core;
    if (phy.up === up) return;
    phy.regs.link = up ? 1 : 0;
    this.core.signal(Isr.linkChange);
  }

  setBusMaster(enabled: boolean): void {
    this.core.dma.enabled = enabled;
  }

  poll(): void {
    if (this.core.timer.expired()) this.core.signal(Isr.timeout);
    if (this.core.regs.polled) continueTransmit(this.core);
  }

  reset(): void {
    this.core.powerOn();
  }

  // what the segment uses

  /** False while a running receiver has no room for a frame of full length: who can wait should. */
  ready(): boolean {
    const { core } = this;
    if (!core.receives) return true;
    return core.plusReceives ? descriptorReady(core) : ringHasRoom(core, MAX_LINE_FRAME);
  }

  /** A frame from the segment, as {@link EthernetLine} describes frames. The card copies what it keeps. */
  receive(frame: Uint8Array): void {
    this.core.receive(frame);
  }

  // what the guest uses

  read(offset: number, size: number): number {
    this.requireInside(offset, size);
    const shift = 8 * (offset & 3);
    const low = readDword(this.core, offset & ~3) >>> shift;
    const bits = 8 * size;
    if (shift + bits <= 32) return low % 2 ** bits;
    const high = readDword(this.core, (offset & ~3) + 4);
    return (low + high * 2 ** (32 - shift)) % 2 ** bits;
  }

  write(offset: number, size: number, value: number): void {
    this.requireInside(offset, size);
    const shift = 8 * (offset & 3);
    const ones = 2 ** (8 * size) - 1;
    writeDword(this.core, offset & ~3, (value << shift) >>> 0, (ones << shift) >>> 0);
    const left = 32 - shift;
    if (8 * size > left) writeDword(this.core, (offset & ~3) + 4, value >>> left, ones >>> left);
  }

  private requireInside(offset: number, size: number): void {
    if (offset >= 0 && offset + size <= BAR_SIZE) return;
    throw new DeviceFault(
      this.name,
      `access of ${size} bytes at 0x${offset.toString(16)} runs past the last register`,
    );
  }

  // saved state

  save(): Rtl8139State {
    const { memory, phy, timer, eeprom, model } = this.core;
    const { registers, tallies, idr, mar, tsd, tsad, scratch } = memory;
    return {
      version: RTL8139_STATE_VERSION,
      model: `rtl8139${model}`,
      registers: { ...registers },
      tallies: { ...tallies },
      idr: idr.slice(),
      mar: mar.slice(),
      tsd: tsd.slice(),
      tsad: tsad.slice(),
      scratch: scratch.slice(),
      phy: { ...phy.regs },
      timer: timer.save(),
      eeprom: eeprom.save(),
    };
  }

  restore(saved: unknown): void {
    const { core } = this;
    const check = new SavedState(this.name);
    const {
      phy,
      timer,
      eeprom,
      version: _version,
      model: _model,
      ...memory
    } = checkRtl8139State(check, saved, this.options.model);
    const applyEeprom = core.eeprom.check(check, eeprom);
    applyEeprom();
    core.memory = memory;
    core.phy.regs = phy;
    core.timer.restore(timer);
    core.restoreLine();
  }

  metrics(): Metrics {
    return { ...this.core.counters, ...this.core.dma.counters };
  }
}

function storeFrame(core: Core, accepted: Accepted): void {
  if (core.plusReceives) storeInDescriptors(core, accepted);
  else storeInRing(core, accepted);
}
