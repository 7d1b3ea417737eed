import {
  COMMAND_IO,
  COMMAND_MASTER,
  COMMAND_MEMORY,
  setBar,
  type PciBar,
  type PciFunction,
} from '@v3vee/devices';
import type { HookTable } from './hook-table';

const COMMAND = 0x04;
const FIRST_BAR = 0x10;
/** Below, the chipset answers, whatever a BAR says: it decodes first. */
const FIRST_FREE_PORT = 0x1000;
const PORTS = 0x10000;
/** Nowhere: where a window that is switched off lies. */
const NO_PORT = PORTS;
const NO_ADDRESS = 0;
const IS_IO = 1;

/** What a guest can write in a configuration header (PCI Local Bus Specification 3.0, section 6.2), BARs apart. */
const WRITABLE: Record<number, number> = {
  0x04: 0x07 | 0x40, // command: ports, memory, bus master, parity response
  0x05: 0x01, // system errors
  0x0c: 0xff, // cache line size
  0x0d: 0xff, // latency timer
  0x3c: 0xff, // interrupt line, a note of the firmware to the driver
};

interface Window extends PciBar {
  /** In the hook table. */
  range: number;
}

/**
 * One of our functions on the engine's PCI bus: what a guest writes to its configuration space is masked as the
 * bus standard says, and the windows lie where BARs and command register put them.
 */
export class PluggedFunction {
  /** The engine's copy of the configuration space, once it has one. */
  private space: Uint8Array = new Uint8Array(256);
  private readonly windows: Window[];
  private readonly masks = new Uint8Array(256);

  /** @param bases of each BAR, until firmware or guest move it @param kind of its regions in the memory map */
  constructor(
    private readonly hooks: HookTable,
    private readonly fn: PciFunction,
    private readonly bases: number[],
    kind?: string,
  ) {
    this.windows = fn.bars.map(bar => ({
      ...bar,
      range:
        bar.kind === 'io'
          ? hooks.hookIo(NO_PORT, bar.size, fn)
          : hooks.hookMemory(NO_ADDRESS, bar.size, fn, kind),
    }));
    for (const [at, mask] of Object.entries(WRITABLE)) this.masks[Number(at)] = mask;
    const masks = new DataView(this.masks.buffer);
    fn.bars.forEach(({ size }, i) => masks.setUint32(FIRST_BAR + 4 * i, ~(size - 1) >>> 0, true));
  }

  /** The configuration space as the machine starts with it. */
  initialSpace(): number[] {
    const space = Uint8Array.from(this.fn.config);
    this.fn.bars.forEach((bar, i) => setBar(space, i, bar, this.bases[i]!));
    return [...space];
  }

  attach(space: Int32Array): void {
    this.space = new Uint8Array(space.buffer, space.byteOffset, space.byteLength);
    this.follow();
  }

  /** A write of the guest; it ends with the double word that it starts in. */
  writeConfig(at: number, size: number, value: number): void {
    for (let i = 0; i < size && at + i <= (at | 3); i++) {
      const mask = this.masks[at + i]!;
      this.space[at + i] = (this.space[at + i]! & ~mask) | ((value >>> (8 * i)) & mask);
    }
    this.follow();
  }

  /** Moves the windows to where the configuration space has them. */
  follow(): void {
    const view = new DataView(this.space.buffer, this.space.byteOffset, this.space.byteLength);
    const command = view.getUint16(COMMAND, true);
    this.windows.forEach(({ kind, range, size }, i) => {
      const base = view.getUint32(FIRST_BAR + 4 * i, true);
      if (kind === 'io')
        this.hooks.moveIo(range, command & COMMAND_IO ? portBase(base & ~IS_IO, size) : NO_PORT);
      else this.hooks.moveMemory(range, command & COMMAND_MEMORY ? base : NO_ADDRESS);
    });
    this.fn.setBusMaster?.((command & COMMAND_MASTER) !== 0);
  }
}

const portBase = (base: number, size: number): number =>
  base >= FIRST_FREE_PORT && base + size <= PORTS ? base : NO_PORT;
