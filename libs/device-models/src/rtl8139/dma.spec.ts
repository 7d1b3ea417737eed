import { actions, outcome, type Action } from '@v3vee/devices/src/ethernet/cards.fixture';
import { random } from '@v3vee/devices/src/virtio/testing';
import { TestVmm } from './vmm.fixture';

const MEMORY = 64 << 10;

/** Writes that no driver makes, at the edges of memory, to the registers that decide on DMA, at any width and offset. */
function hostile(seed: number, count: number): Action[] {
  const next = random(seed);
  const from = (list: readonly number[]) => list[next(list.length)]!;
  const edges = [0, 4, MEMORY - 8192, MEMORY - 8188, MEMORY - 60, MEMORY - 4, MEMORY, 0xfffffffc, 0xffffffff];
  const aligned = [0, 0x1000, MEMORY - 1024, MEMORY - 768, MEMORY - 256, MEMORY, 0xffffff00];
  const rings = [0, MEMORY - 8192 - 1552, MEMORY - 8192 - 1548, MEMORY - 8192 - 16, MEMORY - 8192 - 12];
  const makers: (() => [number, number, number])[] = [
    () => [0x10 + 4 * next(4), 4, next(2) ? from([60, 1514, 1792, 8191, 0]) : next(2 ** 32)],
    () => [0x10 + 4 * next(4), 4, 60],
    () => [0x0f + next(0x14), 1 << next(3), next(2 ** 32)],
    () => [0x20 + 4 * next(4), 4, from(edges)],
    () => [0x20 + 4 * next(4), 4, from(aligned)],
    () => [0x1e + next(0x14), 1 << next(3), next(2) ? 0 : next(2 ** 32)],
    () => [0x30, 4, from([...edges, ...rings])],
    () => [0x37, 1, from([0x10, 4, 8, 12, 12, 12, 12])],
    () => [0x34, 4, from([4, 8, 12, 16]) * 2 ** 24],
    () => [0x44, 4, from([0x0f, 0x8f, 0x80f, 0x88f, 0x100f, 0x108f, 0x180f, 0x188f])],
    () => [0x45, 1, next(256)],
    () => [0x40, 4, from([0x03000600, 0x03060600])],
    () => [0xe0, 2, from([0, 1, 2, 3, 0x63])],
    () => [0xe0 + next(8), 1 << next(3), next(2 ** 32)],
    () => [0xe4, 4, from(aligned)],
    () => [0xe8, 4, from([0, 0, 1])],
    () => [0x14, 4, from([0, 0, 1])],
    () => [0x10, 4, from([0, 0x8000, MEMORY - 64, MEMORY]) | from([0, 8])],
    () => [0xd9, 1, from([0x40, 0x80, 0xc0])],
  ];
  return Array.from({ length: count }, () => {
    const [offset, size, value] = makers[next(makers.length)]!();
    const kept = value % 2 ** (8 * size);
    return ({ card }) => card.write(offset, size, kept);
  });
}

/** Both kinds of sequences, and a driver's beginning now and then, so that they get somewhere. */
function mixed(seed: number, count: number): Action[] {
  const next = random(seed);
  const lists = [actions('rtl8139', seed, count), hostile(seed, count)];
  const starts: [number, number, number][] = [
    [0x37, 1, 0x10],
    [0x30, 4, 0x2000],
    [0x37, 1, 0x0c],
    [0x44, 4, 0x8f],
  ];
  return Array.from({ length: count }, (_, i) => {
    const start = starts[next(80)];
    if (!start) return lists[next(2)]![i]!;
    return ({ card }) => starts.forEach(write => card.write(...write));
  });
}

/** What the model knows of registers is what they hold, in whatever order and width they were written. */
function expectTracked({ state, silicon }: TestVmm): void {
  const { registers: r, tsad, tsd } = silicon.save();
  expect({ ...state, slots: state.slots.map(({ address }) => address) }).toMatchObject({
    ...{ slots: [...tsad], rbstart: r.rbstart, rcr: r.rcr & 0x1880, cr: r.cr, cpcr: r.cpcr & 3 },
    ...{ rdsar: r.rdsar, rdsarHigh: r.rdsarHigh, dtccr: r.dtccr, dtccrHigh: r.dtccrHigh },
  });
  tsd.forEach((status, n) => {
    if (!(status & 0x2000)) expect(state.slots[n]!.waiting).toBeGreaterThanOrEqual(status & 0x1fff);
  });
}

describe.each(['rtl8139', 'rtl8139c+'] as const)('%s under random accesses', variant => {
  it.each([
    ['hooked as the model says', false],
    ['emulated, every access an exit', true],
  ])('never reaches beyond its windows: %s', (_, emulated) => {
    const reached: Record<string, number> = {};
    const add = (name: string, count: number) => (reached[name] = (reached[name] ?? 0) + count);
    for (let seed = 1; seed <= 60; seed++) {
      const vmm = new TestVmm(variant, { emulated });
      for (const act of mixed(seed, 500)) {
        outcome(vmm, act);
        const beyond = vmm.violations.filter(
          ({ register }) => !/^(TNPDS|THPDS|RDSAR) buffer$/.test(register),
        );
        if (vmm.escaped.length + beyond.length > 0)
          expect([seed, vmm.escaped, beyond]).toEqual([seed, [], []]);
      }
      expectTracked(vmm);
      for (const { register } of vmm.denied) add(register, 1);
      for (const [name, count] of Object.entries({ ...vmm.metrics(), ...vmm.opened })) add(name, count);
      add('sent', vmm.wire.sent.length);
    }
    // the sequences get somewhere
    const registers = ['TSAD0', 'TSAD1', 'TSAD2', 'TSAD3', 'RBSTART'];
    const plus = ['TNPDS', 'THPDS', 'RDSAR', 'DTCCR', 'dmaDenied'];
    const common = [
      ...registers,
      'dmaReads',
      'dmaWrites',
      'rxPackets',
      'sent',
      ...(emulated ? [] : ['TSD2']),
    ];
    const wanted = variant === 'rtl8139' ? common : [...common, ...plus];
    expect(wanted.filter(name => !reached[name])).toEqual([]);
    if (variant === 'rtl8139') expect(reached.dmaDenied).toBe(0);
  });
});
