import type { IoAccess } from '@v3vee/contracts';
import { hookRule } from '@v3vee/contracts';
import { BROADCAST, ethernetFrame } from '@v3vee/devices/src/ethernet/testing';
import { sendPlus, startC, startPlus } from './guest.fixture';
import { rtl8139Model } from './model';
import { TestVmm } from './vmm.fixture';

const variants = ['rtl8139', 'rtl8139c+'] as const;
const MEMORY = 64 << 10;
type Write = readonly [offset: number, size: number, value: number];

const CR_ON: Write = [0x37, 1, 0x0c];
const rcr = (length: number): Write => [0x44, 4, 0x8f | (length << 11)];

/** All that may start a DMA after a program has run: a frame from the segment, all descriptors, both rings. */
function provoke(vmm: TestVmm): void {
  vmm.receive(ethernetFrame(BROADCAST, 1514));
  for (let n = 0; n < 4; n++) vmm.write(0x10 + 4 * n, 4, 1514);
  vmm.write(0xd9, 1, 0xc0);
  vmm.receive(ethernetFrame(BROADCAST, 60));
}

function permutations<T>(list: readonly T[]): T[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((item, i) => permutations(list.filter((_, j) => j !== i)).map(rest => [item, ...rest]));
}

const plusRing = (at: number, low: number, high = 0): Write[] => [
  [at, 4, low],
  [at + 4, 4, high],
];

/** Each set of writes opens a way out of memory when it is made as it stands. */
const PROGRAMS: [what: string, register: string, plus: boolean, writes: Write[]][] = [
  ['TSAD beyond memory', 'TSAD0', false, [CR_ON, [0x20, 4, MEMORY], [0x10, 4, 60]]],
  ['TSAD at the end of the address space', 'TSAD1', false, [CR_ON, [0x24, 4, 0xffffffff], [0x14, 4, 60]]],
  ['a frame over the end of memory', 'TSAD2', false, [CR_ON, [0x28, 4, MEMORY - 60], [0x18, 4, 64]]],
  ['TSAD byte by byte', 'TSAD3', false, [CR_ON, [0x2e, 1, 1], [0x1c, 4, 60]]],
  ['TSD byte by byte', 'TSAD0', false, [CR_ON, [0x20, 4, MEMORY - 60], [0x10, 1, 64], [0x11, 1, 0]]],
  [
    'TSAD and TSD in one access',
    'TSAD0',
    false,
    [CR_ON, [0x20, 2, 0xfff0], [0x22, 2, 0x10], [0x0e, 4, 60 << 16]],
  ],
  [
    'TSAD moved while its frame waits',
    'TSAD1',
    false,
    [CR_ON, [0x14, 4, 60], [0x24, 4, MEMORY - 4], [0x10, 4, 60]],
  ],
  [
    'TSAD moved from where TSD is open',
    'TSAD1',
    false,
    [CR_ON, [0x14, 4, 0x203c], [0x14, 4, 0x203c], [0x14, 4, 60], [0x24, 4, MEMORY - 8188], [0x10, 4, 60]],
  ],
  ['RBSTART beyond memory', 'RBSTART', false, [rcr(0), [0x30, 4, 0xffffffff], CR_ON]],
  ['RBSTART set while the receiver is on', 'RBSTART', false, [CR_ON, rcr(0), [0x30, 4, MEMORY]]],
  ['RBSTART moved by a byte', 'RBSTART', false, [CR_ON, rcr(0), [0x32, 1, 1]]],
  ['a buffer over the end of memory', 'RBSTART', false, [rcr(0), [0x30, 4, MEMORY - 8192 - 1548], CR_ON]],
  [
    'a buffer whose wrap pad is over the end',
    'RBSTART',
    false,
    [[0x44, 4, 0x0f], [0x30, 4, MEMORY - 8204], CR_ON],
  ],
  ['a longer buffer', 'RBSTART', false, [rcr(0), [0x30, 4, 0xc000], CR_ON, rcr(1)]],
  ['a longer buffer, by a byte', 'RBSTART', false, [rcr(0), [0x30, 4, 0xc000], CR_ON, [0x45, 1, 8]]],
  ['the longest buffer', 'RBSTART', false, [[0x30, 4, 0], CR_ON, rcr(3)]],
  [
    'packets over the end of a buffer that fits',
    'RBSTART',
    false,
    [[0x30, 4, 0xd000], CR_ON, rcr(0), [0x30, 4, 0xdc00]],
  ],
  ['CR in a double word', 'RBSTART', false, [rcr(0), [0x30, 4, MEMORY], [0x34, 4, 0x0c000000]]],
  ['CR and CAPR in one access', 'RBSTART', false, [rcr(0), [0x30, 4, MEMORY], [0x36, 4, 0x0c00]]],
  ['a ring beyond memory', 'TNPDS', true, [[0xe0, 2, 3], ...plusRing(0x20, MEMORY), CR_ON]],
  ['a ring above 4 GiB', 'TNPDS', true, [[0xe0, 2, 3], ...plusRing(0x20, 0, 1), CR_ON]],
  ['a ring over the end of memory', 'THPDS', true, [[0xe0, 2, 3], ...plusRing(0x28, MEMORY - 768), CR_ON]],
  ['a high ring at the end of addresses', 'THPDS', true, [[0xe0, 2, 1], CR_ON, [0x28, 4, 0xffffffff]]],
  ['C mode’s buffers as rings', 'TNPDS', true, [CR_ON, [0x24, 4, 0x2000], [0xe0, 2, 1]]],
  ['a receive ring beyond memory', 'RDSAR', true, [[0xe0, 2, 2], ...plusRing(0xe4, MEMORY), CR_ON]],
  ['a receive ring above 4 GiB', 'RDSAR', true, [[0xe0, 2, 2], CR_ON, [0xe8, 4, 1]]],
  ['a receive ring over the end', 'RDSAR', true, [CR_ON, [0xe0, 2, 2], [0xe4, 4, MEMORY - 256]]],
  [
    'C+ mode switched off over a bad RBSTART',
    'RBSTART',
    true,
    [[0xe0, 2, 2], [0x30, 4, MEMORY], CR_ON, [0xe0, 2, 0]],
  ],
  [
    'a dump beyond memory',
    'DTCCR',
    true,
    [
      [0xe0, 2, 1],
      [0x14, 4, 0],
      [0x10, 4, MEMORY | 8],
    ],
  ],
  [
    'a dump above 4 GiB',
    'DTCCR',
    true,
    [
      [0xe0, 2, 2],
      [0x14, 4, 1],
      [0x10, 4, 8],
    ],
  ],
  [
    'a dump, byte by byte',
    'DTCCR',
    true,
    [
      [0xe0, 2, 1],
      [0x12, 1, 1],
      [0x10, 1, 8],
    ],
  ],
];

describe.each(variants)('%s', variant => {
  const programs = PROGRAMS.filter(([, , plus]) => variant === 'rtl8139c+' || !plus);

  it.each(programs)('denies a way out of memory before a byte moves: %s', (_, register, _plus, writes) => {
    const vmm = new TestVmm(variant);
    for (const write of writes) vmm.write(...write);
    expect(new Set(vmm.denied.map(denied => denied.register))).toEqual(new Set([register]));
    for (const { address, length } of vmm.denied) expect(address + length).toBeGreaterThan(MEMORY);
    expect(vmm.memory.written).toEqual([]);
    provoke(vmm);
    expect([vmm.violations, vmm.escaped]).toEqual([[], []]);
  });

  it.each(programs)('in whatever order: %s', (_, _register, _plus, writes) => {
    for (const order of permutations(writes)) {
      const vmm = new TestVmm(variant);
      for (const write of order) vmm.write(...write);
      provoke(vmm);
      if (vmm.violations.length + vmm.escaped.length > 0)
        expect([order, vmm.violations, vmm.escaped]).toBe(order);
    }
  });

  it('leaves what was denied as it was', () => {
    const vmm = new TestVmm(variant);
    startC(vmm);
    const [card, state] = [vmm.silicon.save(), structuredClone(vmm.state)];
    for (const [offset, size, value] of [
      [0x30, 4, MEMORY],
      [0x45, 1, 0x18],
      [0x3c, 4, 0],
    ] as const) {
      if (offset !== 0x3c) vmm.write(offset, size, value);
    }
    expect(vmm.denied).toEqual([
      { register: 'RBSTART', direction: 'write', address: MEMORY, length: 8192 + 16 + 1536 },
      { register: 'RBSTART', direction: 'write', address: 0x2000, length: 65536 + 16 },
    ]);
    expect([vmm.silicon.save(), vmm.state]).toEqual([card, state]);
  });

  it('lets a driver use all of memory', () => {
    const vmm = new TestVmm(variant);
    const writes: Write[] = [
      [0x30, 4, MEMORY - 8192 - 1552],
      rcr(0),
      CR_ON,
      [0x20, 4, MEMORY - 60],
      [0x10, 4, 60],
    ];
    for (const write of writes) vmm.write(...write);
    for (let i = 0; i < 20; i++) {
      vmm.receive(ethernetFrame(BROADCAST, 1514, i));
      vmm.write(0x38, 2, (vmm.read(0x3a, 2) - 16) & 0xffff);
    }
    expect([vmm.denied, vmm.violations, vmm.escaped, vmm.wire.sent.length]).toEqual([[], [], [], 1]);
    // TSAD may follow the packets: TSD stays hooked then, and the end of memory is as good as any place
    for (let n = 1; n < 9; n++) {
      vmm.write(0x20 + 4 * (n & 3), 4, n % 2 ? MEMORY - 1500 : MEMORY - 512);
      vmm.write(0x10 + 4 * (n & 3), 4, n % 2 ? 1500 : 512);
    }
    expect([vmm.denied, vmm.wire.sent.length]).toEqual([[], 9]);
  });

  it('opens TSD once it is used where it can do no harm, and closes it when that ends', () => {
    const vmm = new TestVmm(variant);
    const isHooked = (n: number) => vmm.model.hooks(vmm.state).some(({ register }) => register === `TSD${n}`);
    startC(vmm);
    vmm.write(0x2c, 4, MEMORY - 4096);
    for (let i = 0; i < 12; i++) vmm.write(0x10 + 4 * (i & 3), 4, 60);
    expect([0, 1, 2, 3].map(isHooked)).toEqual([false, false, false, true]);
    expect([vmm.denied, vmm.wire.sent.length]).toEqual([[], 12]);
    vmm.write(0x20, 4, 0x4000);
    expect(isHooked(0)).toBe(false);
    vmm.write(0x37, 1, 0x08);
    vmm.write(0x37, 1, 0x0c);
    expect([0, 1, 2, 3].map(isHooked)).toEqual([true, true, true, true]);
    for (let i = 0; i < 8; i++) vmm.write(0x10 + 4 * (i & 3), 4, 60);
    expect(isHooked(1)).toBe(false);
    const elsewhere = vmm.model.checkState(structuredClone(vmm.state));
    expect(vmm.model.hooks(elsewhere).filter(({ register }) => register.startsWith('TSD')).length).toBe(4);
    vmm.write(0x37, 1, 0x10);
    expect([0, 1, 2, 3].map(isHooked)).toEqual([true, true, true, true]);
  });

  it('has the windows of the units that are on', () => {
    const vmm = new TestVmm(variant);
    const guest = { memorySize: MEMORY };
    expect(vmm.model.windows(vmm.state, guest)).toEqual([]);
    vmm.write(0x2c, 4, MEMORY - 4096);
    vmm.write(0x30, 4, 0x8000);
    vmm.write(0x44, 4, 0x80f);
    vmm.write(0x37, 1, 0x04);
    const reads = [0, 1, 2].map(n => ({ register: `TSAD${n}`, direction: 'read', address: 0, length: 8192 }));
    const last = { register: 'TSAD3', direction: 'read', address: MEMORY - 4096, length: 4096 };
    expect(vmm.model.windows(vmm.state, guest)).toEqual([...reads, last]);
    vmm.write(0x37, 1, 0x08);
    const buffer = { register: 'RBSTART', direction: 'write', address: 0x8000, length: 16384 + 16 };
    expect(vmm.model.windows(vmm.state, guest)).toEqual([buffer]);
  });

  it('answers for every access, whatever it is and whatever is known', () => {
    const { model } = new TestVmm(variant);
    const running = new TestVmm(variant);
    startC(running);
    const plus = new TestVmm(variant);
    startPlus(plus);
    const values = [
      0, 1, 8, 0x0c, 0x10, 0x40, 0x80, 0xc0, 0x2000, 0xffff, 0xffff0000, 0x7fffffff, 0xffffffff,
    ];
    let denied = 0;
    for (const state of [model.initialState(), running.state, plus.state]) {
      for (const size of [1, 2, 4] as const) {
        for (let offset = 0; offset < 0x100; offset++) {
          for (const direction of ['read', 'write'] as const) {
            for (const value of values) {
              const access: IoAccess = { direction, offset, size, value: value % 2 ** (8 * size), page: 0 };
              const found = model.observe(state, access, { memorySize: MEMORY });
              if (found.denied && found.state !== state) throw new Error('a denied access changed the state');
              if (found.denied) denied++;
              model.hooks(found.state);
              model.windows(found.state, { memorySize: MEMORY });
              model.checkState(found.state);
              model.registerName(access);
              model.describe(access);
            }
          }
        }
      }
    }
    expect(denied).toBeGreaterThan(100);
    expect(model.hooks(plus.state).map(rule => hookRule.parse(rule))).toEqual(model.hooks(plus.state));
  });
});

it('in C+ mode, what the descriptors say is for the guard: it is stopped and reported before a byte moves', () => {
  const vmm = new TestVmm('rtl8139c+');
  startPlus(vmm);
  const view = vmm.memory.view();
  expect(vmm.model.windows(vmm.state, { memorySize: MEMORY })).toEqual([
    { register: 'CPCR', direction: 'read', address: 0, length: MEMORY },
    { register: 'CPCR', direction: 'write', address: 0, length: MEMORY },
  ]);
  sendPlus(vmm, 0);
  view.setUint32(0x1000 + 16, 0xb0000000 | 60, true);
  view.setUint32(0x1000 + 24, MEMORY - 59, true);
  view.setUint32(0x1800, 0xb0000000 | 60, true);
  view.setUint32(0x1800 + 12, 1, true);
  view.setUint32(0x1400 + 8, 0xfffffff0, true);
  vmm.write(0xd9, 1, 0xc0);
  vmm.memory.written.length = 0;
  vmm.receive(ethernetFrame(BROADCAST));
  expect(vmm.violations.map(({ register }) => register)).toEqual([
    'THPDS buffer',
    'TNPDS buffer',
    'RDSAR buffer',
  ]);
  expect([vmm.memory.written, vmm.wire.sent.length, vmm.denied]).toEqual([[], 1, []]);
});

it('the EEPROM’s pins are noted, and no more', () => {
  for (const variant of variants) {
    const vmm = new TestVmm(variant);
    for (const value of [0x80, 0x88, 0x8c, 0x00, 0xc0, 0x40]) vmm.write(0x50, 1, value);
    expect(vmm.count).toEqual({ open: 3, shadow: 3, exit: 0 });
  }
});

describe('for people', () => {
  const [c, plus] = variants.map(rtl8139Model) as [
    ReturnType<typeof rtl8139Model>,
    ReturnType<typeof rtl8139Model>,
  ];
  const access = (offset: number, value = 0, direction: IoAccess['direction'] = 'write'): IoAccess => ({
    ...{ direction, offset, size: 4, value, page: 0 },
  });

  it.each([
    [0x00, 'IDR0', 'IDR0'],
    [0x05, 'IDR5', 'IDR5'],
    [0x0f, 'MAR7', 'MAR7'],
    [0x10, 'TSD0', 'DTCCR'],
    [0x1c, 'TSD3', 'TSD3'],
    [0x20, 'TSAD0', 'TNPDS'],
    [0x2c, 'TSAD3', 'THPDS'],
    [0x30, 'RBSTART', 'RBSTART'],
    [0x37, 'CR', 'CR'],
    [0x38, 'CAPR', 'CAPR'],
    [0x3a, 'CBR', 'CBR'],
    [0x3c, 'IMR', 'IMR'],
    [0x3e, 'ISR', 'ISR'],
    [0x40, 'TCR', 'TCR'],
    [0x44, 'RCR', 'RCR'],
    [0x48, 'TCTR', 'TCTR'],
    [0x4c, 'MPC', 'MPC'],
    [0x50, '9346CR', '9346CR'],
    [0x52, 'CONFIG1', 'CONFIG1'],
    [0x54, 'TimerInt', 'TimerInt'],
    [0x58, 'MSR', 'MSR'],
    [0x5c, 'MULINT', 'MULINT'],
    [0x60, 'TSAD', 'TSAD'],
    [0x62, 'BMCR', 'BMCR'],
    [0x66, 'ANAR', 'ANAR'],
    [0x7c, 'TW_PARM', 'TW_PARM'],
    [0xcc, 'LSBCRC', 'LSBCRC'],
    [0xd8, 'CONFIG5', 'CONFIG5'],
    [0xd9, '0xd9', 'TPPoll'],
    [0xe0, '0xe0', 'CPCR'],
    [0xe4, '0xe4', 'RDSAR'],
    [0xff, '0xff', '0xff'],
  ])('register 0x%s is %s, on a C+ %s', (offset, name, plusName) => {
    expect([c.registerName(access(offset)), plus.registerName(access(offset))]).toEqual([name, plusName]);
  });

  it.each<[IoAccess, string]>([
    [access(0x37, 0x10), 'reset'],
    [access(0x37, 0x0c), 'transmitter and receiver on'],
    [access(0x37, 0x09, 'read'), 'receiver on, buffer empty'],
    [access(0x37, 0), 'off'],
    [access(0x3e, 0x8005), 'ROK, TOK, SERR'],
    [access(0x18, 0x8003c), 'send 60 bytes'],
    [access(0x18, 0x8a03c, 'read'), 'sent'],
    [access(0x18, 0x4000203c, 'read'), 'aborted'],
    [access(0x44, 0xf78e), '32 KiB, takes own, multicast, broadcast'],
    [access(0x38, 0xfff0), 'read up to 0'],
    [access(0x50, 0xc0), 'unlock'],
    [access(0x40, 0x60000), 'loopback'],
    [access(0xd9, 0x40), 'normal ring'],
    [access(0xe0, 0x63), 'C+ transmitter, C+ receiver'],
    [access(0x30, 0x1000), ''],
  ])('a value has a meaning: %j', (each, meaning) => {
    expect(plus.describe(each)).toBe(meaning);
  });
});
