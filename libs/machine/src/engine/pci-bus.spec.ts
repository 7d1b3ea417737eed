import type { InterruptLine, PciFunction } from '@v3vee/devices';
import { HookTable } from './hook-table';
import { PciBus } from './pci-bus';
import type { V86Cpu, V86PciDevice } from './v86-internals';

/** The bus against a stand-in for the engine's PCI part, which only keeps configuration spaces. */

const COMMAND = 0x04;
const [IO, MEMORY, MASTER] = [1, 2, 4];

function machine() {
  const spaces: (Int32Array | undefined)[] = [];
  const engine: string[] = [];
  const note = (size: number) => (address: number, value: number) => {
    engine.push(`${size} ${address.toString(16)} ${value}`);
  };
  const raised = new Set<number>();
  const pci = {
    device_spaces: spaces,
    isa_bridge_space8: new Uint8Array(0x70).fill(10, 0x60, 0x64),
    register_device({ pci_id, pci_space }: V86PciDevice) {
      const space = new Int32Array(Uint8Array.from(pci_space).buffer);
      spaces[pci_id] = space;
      return space;
    },
    pci_write8: note(1),
    pci_write16: note(2),
    pci_write32: note(4),
  };
  const cpu = {
    devices: { pci },
    device_raise_irq: (irq: number) => void raised.add(irq),
    device_lower_irq: (irq: number) => void raised.delete(irq),
  } as unknown as V86Cpu;
  const hooks = new HookTable();
  return { bus: new PciBus(cpu, hooks), hooks, pci, engine, raised };
}

class TestFunction implements PciFunction {
  readonly name = 'test';
  readonly config = new Uint8Array(256);
  readonly bars = [
    { kind: 'io', size: 0x20 },
    { kind: 'memory', size: 0x100 },
  ] as const;
  readonly written: string[] = [];
  master: boolean | undefined;

  constructor(readonly line: InterruptLine) {
    this.config.set([0xec, 0x10, 0x39, 0x81]);
    this.config[0x3d] = 1;
  }
  read = (offset: number, size: number) => offset * 16 + size;
  write = (offset: number, size: number, value: number) =>
    void this.written.push(`${offset} ${size} ${value}`);
  setBusMaster = (enabled: boolean) => void (this.master = enabled);
  reset = () => undefined;
  save = () => ({ version: 1 });
  restore = () => undefined;
  metrics = () => ({});
}

function plugged() {
  const parts = machine();
  const fn = parts.bus.plug(line => new TestFunction(line));
  const bdf = parts.pci.device_spaces.findIndex(space => space !== undefined);
  const at = (register: number) => (0x80000000 | (bdf << 8) | register) >> 0;
  const config = (register: number) => new Uint8Array(parts.pci.device_spaces[bdf]!.buffer)[register];
  const write32 = (register: number, value: number) => parts.pci.pci_write32(at(register), value);
  const bar = (index: number) => parts.pci.device_spaces[bdf]![4 + index]! >>> 0;
  return { ...parts, fn, at, config, write32, bar };
}

describe('base address registers', () => {
  it('show their size when written with ones, and their kind', () => {
    const { write32, bar } = plugged();
    for (const index of [0, 1, 2]) write32(0x10 + 4 * index, -1);
    expect([bar(0), bar(1), bar(2)]).toEqual([0xffffffe1, 0xffffff00, 0]);
  });

  it('move the function, in ports and in memory', () => {
    const { hooks, write32 } = plugged();
    write32(COMMAND, IO | MEMORY);
    write32(0x10, 0xc400);
    write32(0x14, 0xfe800000);
    expect(hooks.read(0xc404, 1)).toBe(4 * 16 + 2);
    expect(hooks.readMemory(0xfe8000fc, 4)).toBe(0xfc * 16 + 4);
    expect(hooks.readMemory(0xfe800100, 4)).toBeUndefined();
    write32(0x14, 0xfe900000);
    expect(hooks.readMemory(0xfe800000, 1)).toBeUndefined();
    expect(hooks.writeMemory(0xfe900010, 2, 7)).toBe(true);
  });

  it('are written byte by byte as well', () => {
    const { hooks, pci, at, write32 } = plugged();
    write32(COMMAND, IO);
    write32(0x10, 0xc400);
    pci.pci_write8(at(0x11), 0xd8);
    expect(hooks.isHooked(0xd800)).toBe(true);
    pci.pci_write16(at(0x10), 0xe07f);
    expect(hooks.isHooked(0xe060)).toBe(true);
    expect(hooks.isHooked(0xd800)).toBe(false);
  });

  it('count for nothing while the command register switches them off', () => {
    const { hooks, write32 } = plugged();
    write32(0x10, 0xc400);
    write32(0x14, 0xfe800000);
    write32(COMMAND, 0);
    expect([hooks.isHooked(0xc400), hooks.readMemory(0xfe800000, 1)]).toEqual([false, undefined]);
    write32(COMMAND, MEMORY);
    expect([hooks.isHooked(0xc400), hooks.readMemory(0xfe800000, 1)]).toEqual([false, 1]);
  });

  it.each([0, 0x60, 0xfe0])('never take the ports of the chipset: 0x%s', base => {
    const { hooks, write32 } = plugged();
    write32(COMMAND, IO);
    write32(0x10, base);
    expect(hooks.isHooked(base)).toBe(false);
  });

  it('may lie over each other: one function answers, and both go on when they part', () => {
    const { bus, hooks, pci } = machine();
    const functions = [bus.plug(line => new TestFunction(line)), bus.plug(line => new TestFunction(line))];
    const ids = [...pci.device_spaces.keys()].filter(id => pci.device_spaces[id]);
    for (const id of ids) {
      pci.pci_write32((id << 8) | COMMAND, IO | MEMORY);
      pci.pci_write32((id << 8) | 0x10, 0xc400);
      pci.pci_write32((id << 8) | 0x14, 0xfe800000);
    }
    hooks.write(0xc400, 0, 1);
    hooks.writeMemory(0xfe800000, 1, 1);
    expect(functions.flatMap(({ written }) => written).length).toBe(2);
    pci.pci_write32((ids[1]! << 8) | 0x10, 0xc800);
    expect([hooks.isHooked(0xc400), hooks.isHooked(0xc800)]).toEqual([true, true]);
  });
});

describe('the configuration space', () => {
  it('keeps what cannot be written', () => {
    const { write32, config, at, pci } = plugged();
    write32(0x00, 0);
    write32(0x08, -1);
    write32(0x3c, 0xffff0b);
    pci.pci_write32(at(0x80), -1);
    expect([config(0), config(8), config(0x3c), config(0x3d), config(0x80)]).toEqual([0xec, 0, 0x0b, 1, 0]);
  });

  it('tells the function whether it may master the bus', () => {
    const { fn, write32 } = plugged();
    expect(fn.master).toBe(false);
    write32(COMMAND, MASTER);
    expect(fn.master).toBe(true);
  });

  it('of other functions stays the engine’s', () => {
    const { pci, engine } = plugged();
    pci.pci_write8(0x80000804, 3);
    expect(engine).toEqual(['1 80000804 3']);
  });

  it('is followed when it was replaced by a saved one', () => {
    const { bus, hooks, pci, write32 } = plugged();
    write32(COMMAND, IO);
    const space = pci.device_spaces.find(found => found)!;
    space[4] = 0xe001;
    bus.follow();
    expect(hooks.isHooked(0xe000)).toBe(true);
  });
});

it('keeps a shared interrupt line up until the last function lets go', () => {
  const { bus, raised } = machine();
  const [a, b] = [bus.plug(line => new TestFunction(line)), bus.plug(line => new TestFunction(line))];
  a.line.raise();
  b.line.raise();
  a.line.lower();
  expect([...raised]).toEqual([10]);
  b.line.lower();
  expect([...raised]).toEqual([]);
});
