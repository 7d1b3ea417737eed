import type { InterruptLine, PciFunction } from '@v3vee/devices';
import type { HookTable } from './hook-table';
import { PluggedFunction } from './pci-function';
import type { V86Cpu } from './v86-internals';

/** Where our functions lie before the BIOS or the guest moves them; clear of what the engine's devices use. */
const FIRST_PORT = 0xd000;
const PORTS_PER_FUNCTION = 0x100;
const FIRST_ADDRESS = 0xfe000000;
const ADDRESSES_PER_FUNCTION = 0x10000;
/** Slots 8 … 23 are ours; the chipset's functions lie below and at 18, see {@link slotOf}. */
const FIRST_SLOT = 8;
const VGA_SLOT = 18;
const PIRQ_ROUTES = 0x60;
const INTERRUPT_PIN = 0x3d;

/** The `index`-th of our slots: the display adapter keeps its own. */
const slotOf = (index: number): number => {
  const slot = FIRST_SLOT + index;
  return slot >= VGA_SLOT ? slot + 1 : slot;
};

/**
 * Our functions on the engine's PCI bus. The engine keeps the configuration space; we guard what is written there,
 * answer at the functions' ports and memory through the hook table and follow when a BAR is moved. Interrupt lines
 * are shared by several functions and level-triggered: a line stays up until the last function that holds it lets go.
 */
export class PciBus {
  private readonly functions: PciFunction[] = [];
  /** By `device << 3 | function`. */
  private readonly plugged = new Map<number, PluggedFunction>();
  /** Per ISA line, a bit for each of our functions that holds it up. */
  private readonly holders = new Uint32Array(16);
  private restoring = false;

  constructor(
    private readonly cpu: V86Cpu,
    private readonly hooks: HookTable,
  ) {
    const { pci } = cpu.devices;
    const guarded = (size: number, engine: (address: number, value: number) => void) => {
      return (address: number, value: number): void => {
        const fn = this.plugged.get((address >> 8) & 0xffff);
        if (fn) fn.writeConfig(address & 0xff, size, value);
        else engine.call(pci, address, value);
      };
    };
    pci.pci_write8 = guarded(1, pci.pci_write8);
    pci.pci_write16 = guarded(2, pci.pci_write16);
    pci.pci_write32 = guarded(4, pci.pci_write32);
  }

  /**
   * Plugs a function into the next free slot. `make` gets the interrupt line of that slot.
   * @param kind of its regions in the memory map
   */
  plug<F extends PciFunction>(make: (line: InterruptLine) => F, kind?: string): F {
    const index = this.functions.length;
    const slot = slotOf(index);
    if (slot > 31) throw new Error('no free PCI slot');
    const fn = make({ raise: () => this.raise(index, slot), lower: () => this.lower(index) });
    this.functions.push(fn);
    const bases = fn.bars.map(({ kind }) =>
      kind === 'io'
        ? FIRST_PORT + PORTS_PER_FUNCTION * index
        : FIRST_ADDRESS + ADDRESSES_PER_FUNCTION * index,
    );
    const plugged = new PluggedFunction(this.hooks, fn, bases, kind);
    const space = this.cpu.devices.pci.register_device({
      name: fn.name,
      pci_id: slot << 3,
      pci_space: plugged.initialSpace(),
      pci_bars: [], // the engine is to move nothing
    });
    plugged.attach(space);
    this.plugged.set(slot << 3, plugged);
    return fn;
  }

  /** Guest time has gone on. */
  poll(): void {
    for (const fn of this.functions) fn.poll?.();
  }

  /** The configuration spaces were replaced by those of a saved state. */
  follow(): void {
    for (const fn of this.plugged.values()) fn.follow();
  }

  /** Runs `restore`, during which functions note their lines while the interrupt controller is left as restored. */
  restoreLines(restore: () => void): void {
    this.holders.fill(0);
    this.restoring = true;
    try {
      restore();
    } finally {
      this.restoring = false;
    }
  }

  private raise(index: number, slot: number): void {
    const { pci } = this.cpu.devices;
    const space = pci.device_spaces[slot << 3]!;
    const pin = (space[INTERRUPT_PIN >> 2]! >> 8) & 0xff;
    const irq = pci.isa_bridge_space8[PIRQ_ROUTES + ((pin - 1 + slot - 1) & 3)]!;
    if (irq >= 16) return; // bit 7: the guest routed the pin nowhere
    this.holders[irq]! |= 1 << index;
    if (!this.restoring) this.cpu.device_raise_irq(irq);
  }

  private lower(index: number): void {
    const bit = 1 << index;
    for (let irq = 0; irq < 16; irq++) {
      if (!(this.holders[irq]! & bit)) continue;
      this.holders[irq]! &= ~bit;
      if (this.holders[irq] === 0 && !this.restoring) this.cpu.device_lower_irq(irq);
    }
  }
}
