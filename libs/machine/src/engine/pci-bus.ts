import { setIoBar, type InterruptLine, type PciFunction } from '@v3vee/devices';
import type { HookTable } from './hook-table';
import type { V86Bar, V86Cpu } from './v86-internals';

/** I/O ports for our functions before the BIOS or the guest moves them; clear of what the engine's devices use. */
const FIRST_BASE = 0xd000;
/** Slots 8 … 23 are ours; the chipset's functions lie below and at 18, see {@link slotOf}. */
const FIRST_SLOT = 8;
const VGA_SLOT = 18;
const PIRQ_ROUTES = 0x60;
const INTERRUPT_PIN = 0x3d;

interface PluggedBar extends V86Bar {
  range: number;
}

/** The `index`-th of our slots: the display adapter keeps its own. */
const slotOf = (index: number): number => {
  const slot = FIRST_SLOT + index;
  return slot >= VGA_SLOT ? slot + 1 : slot;
};

/**
 * Our functions on the engine's PCI bus. The engine keeps the configuration space; we answer their ports through
 * the hook table and follow when a BAR is moved. Interrupt lines are shared by several functions and
 * level-triggered: a line stays up until the last function that holds it lets go.
 */
export class PciBus {
  private readonly functions: PciFunction[] = [];
  /** Per ISA line, a bit for each of our functions that holds it up. */
  private readonly holders = new Uint32Array(16);
  private restoring = false;

  constructor(
    private readonly cpu: V86Cpu,
    private readonly hooks: HookTable,
  ) {
    const { pci } = cpu.devices;
    const moveEngineBar = pci.set_io_bars.bind(pci);
    pci.set_io_bars = (bar, from, to) => {
      if (isPlugged(bar)) hooks.moveIo(bar.range, to);
      else moveEngineBar(bar, from, to);
    };
  }

  /** Plugs a function into the next free slot. `make` gets the interrupt line of that slot. */
  plug<F extends PciFunction>(make: (line: InterruptLine) => F): F {
    const index = this.functions.length;
    const slot = slotOf(index);
    if (slot > 31) throw new Error('no free PCI slot');
    const fn = make({ raise: () => this.raise(index, slot), lower: () => this.lower(index) });
    this.functions.push(fn);
    const base = FIRST_BASE + 0x100 * index;
    const space = Uint8Array.from(fn.config);
    setIoBar(space, base);
    const bar: PluggedBar = { size: fn.barSize, range: this.hooks.hookIo(base, fn.barSize, fn) };
    this.cpu.devices.pci.register_device({
      name: fn.name,
      pci_id: slot << 3,
      pci_space: [...space],
      pci_bars: [bar],
    });
    return fn;
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

const isPlugged = (bar: V86Bar): bar is PluggedBar => typeof (bar as PluggedBar).range === 'number';
