import { actions, outcome } from '@v3vee/devices/src/ethernet/cards.fixture';
import { MAC_A, MAC_B } from '@v3vee/devices/src/ethernet/testing';
import { random } from '@v3vee/devices/src/virtio/testing';
import { startC, user } from './guest.fixture';
import type { Rtl8139Variant } from './state';
import { TestVmm, type Context } from './vmm.fixture';

const variants = ['rtl8139', 'rtl8139c+'] as const;
type Silicon = ReturnType<TestVmm['save']>;

/** What of a card outlasts a switch: see `saveContext` for what does not. */
function comparable(silicon: Silicon, { virtual }: Context, variant: Rtl8139Variant) {
  const { registers, idr, mar, tsad, tsd, scratch, phy, timer } = silicon;
  const { isr: _isr, mpc: _mpc, polled: _polled, ...kept } = registers;
  const isVirtual = (n: number) => virtual.some(({ offset }) => offset === 0x10 + 4 * n);
  if (!(kept.cr & 4)) kept.txCurrent = kept.txNormal = kept.txHigh = 0; // they begin at 0 when it is switched on
  if (!(kept.cr & 8) || variant === 'rtl8139') kept.rxCurrent = 0;
  const statuses = [...tsd].map((status, n) => (isVirtual(n) ? 0 : status));
  return { registers: kept, idr, mar, tsad, statuses, scratch, phy, timerInt: timer.timerInt };
}

/** A context but for the bits that virtual registers answer for. */
function visible({ registers, ...context }: Context): Context {
  const kept = { ...registers };
  for (const { offset } of context.virtual) if (offset < 0x20) kept[`TSD${(offset - 0x10) / 4}`] = 0;
  return { ...context, registers: kept };
}

/** Frames with their lengths in front. */
const bytesOf = (frames: Uint8Array[]): Buffer =>
  Buffer.concat(frames.flatMap(frame => [Buffer.from([frame.length >> 8, frame.length]), frame]));

const windowOf = (vmm: TestVmm): number[] => {
  const bytes = Array.from({ length: 0x100 }, (_, at) => vmm.read(at, 1));
  bytes[0x50]! &= ~1; // the EEPROM's pin
  return bytes.fill(0, 0x48, 0x4c); // TCTR
};

/** Another guest's machine takes the context of `vmm`, with that guest's memory, over what its own guest left. */
function moved(vmm: TestVmm, other: TestVmm): { there: TestVmm; context: Context } {
  const context = vmm.takeContext();
  other.takeContext();
  const left = other.silicon.save();
  left.phy.link = vmm.silicon.save().phy.link; // of the cable, not of the guest
  const there = vmm.copy(left);
  there.silicon.setMac(MAC_A);
  there.giveContext(there.model.checkContext(structuredClone(context)));
  return { there, context };
}

/** What is in no context: the card that stayed gets it from the one that took over, and is not asked for the rest. */
function except(stayed: TestVmm, there: TestVmm, { virtual }: Context): void {
  const { tallies, timer, eeprom } = there.silicon.save();
  const own = stayed.silicon.save();
  stayed.silicon.restore({ ...own, tallies, timer, eeprom, registers: { ...own.registers, polled: 0 } });
  const fixed = virtual.filter(({ kind }) => kind === 'fixed');
  stayed.hidden = there.hidden = fixed.map(({ offset, size }) => [offset, size]);
}

describe.each(variants)('%s', variant => {
  it('goes on elsewhere as if it had stayed', () => {
    const names = ['cbr', 'txCurrent', 'txNormal', 'txHigh', 'rxCurrent', 'mpc', 'isr'] as const;
    const reached: Record<string, number> = { waiting: 0, carrierLost: 0 };
    for (let seed = 1; seed <= 100; seed++) {
      const vmm = user(variant, seed, 200);
      const stayed = vmm.copy();
      const before = Buffer.from(vmm.memory.bytes());
      const sent = vmm.wire.sent.length;
      const violations = vmm.violations.length;
      const { there, context } = moved(vmm, user(variant, seed + 10_000, 150));

      // nothing left, nothing was touched, nothing is missing
      expect([vmm.wire.sent.length - sent, there.wire.sent.length]).toEqual([0, 0]);
      expect([vmm.violations.length - violations, there.violations.length]).toEqual([0, 0]);
      expect([before.compare(vmm.memory.bytes()), before.compare(there.memory.bytes())]).toEqual([0, 0]);
      const [a, b] = [stayed, there].map(each => comparable(each.silicon.save(), context, variant));
      expect({ seed, ...b }).toEqual({ seed, ...a });
      expect(windowOf(there)).toEqual(windowOf(stayed));
      expect(there.interrupt).toBe(stayed.interrupt);

      const { registers, tsd } = stayed.silicon.save();
      for (const name of names) reached[name] = (reached[name] ?? 0) + (registers[name] ? 1 : 0);
      if (tsd.some(status => status >>> 31)) reached.carrierLost!++;
      if (tsd.some(status => !(status & 0x2000))) reached.waiting!++;

      except(stayed, there, context);
      const outcomes = actions('rtl8139', seed + 1_000_000, 200).map(act => {
        const [now, then] = [there, stayed].map(each => [outcome(each, act), each.interrupt]);
        return [now, then];
      });
      expect([seed, outcomes.map(([now]) => now)]).toEqual([seed, outcomes.map(([, then]) => then)]);
      expect(bytesOf(there.wire.sent).compare(bytesOf(stayed.wire.sent))).toBe(0);
      expect(there.denied).toEqual(stayed.denied);
      expect(there.violations).toEqual(stayed.violations);
      expect(Buffer.compare(there.memory.bytes(), stayed.memory.bytes())).toBe(0);
    }
    const plus = ['txNormal', 'txHigh', 'rxCurrent'];
    const never = Object.keys(reached).filter(name => !reached[name]);
    expect(never).toEqual(variant === 'rtl8139' ? plus : []);
  });

  it('stays what it is when it is saved and restored again and again', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const vmm = user(variant, seed, 200);
      const first = vmm.takeContext();
      vmm.giveContext(first);
      expect(visible(vmm.takeContext())).toEqual(visible(first));
    }
  });

  it('keeps nothing of its last guest', () => {
    const fresh = new TestVmm(variant, { mac: MAC_B });
    fresh.giveContext(null);
    const other = user(variant, 7, 200).takeContext();
    const clean = new TestVmm(variant, { mac: MAC_B });
    clean.giveContext(other);
    for (let seed = 1; seed <= 20; seed++) {
      const vmm = user(variant, seed, 100);
      startC(vmm);
      brand(vmm);
      expect(branded(vmm.silicon.save())).toBeGreaterThan(20);
      vmm.takeContext();
      vmm.silicon.setMac(MAC_B);
      vmm.silicon.setLink(true);
      const left = vmm.silicon.save();
      for (const [context, expected] of [
        [null, fresh],
        [other, clean],
      ] as const) {
        const next = new TestVmm(variant);
        next.silicon.restore(structuredClone(left));
        next.giveContext(context);
        expect(plain(next)).toEqual(plain(expected));
      }
      // a guest that never gave its card back
      const dead = new TestVmm(variant, { mac: MAC_B });
      startC(dead);
      brand(dead);
      dead.silicon.setMac(MAC_B);
      dead.giveContext(null);
      expect(plain(dead)).toEqual(plain(fresh));
      expect(branded(dead.silicon.save())).toBe(0);
    }
  });
});

/** All of a card but time, and statistics that no register resets. */
function plain(vmm: TestVmm) {
  const { tallies: _tallies, timer, ...kept } = vmm.silicon.save();
  const { tctr: _tctr, timerSeen: _seen, ...rest } = timer;
  return { ...kept, timer: rest, interrupt: vmm.line.up };
}

const BRAND = 0xa7;
const branded = (value: unknown): number => {
  if (typeof value === 'number')
    return [0, 8, 16, 24].filter(bits => ((value >>> bits) & 0xff) === BRAND).length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((sum, each) => sum + branded(each), 0);
};

/** Leaves the brand wherever a register takes it, and in the EEPROM. */
function brand(vmm: TestVmm): void {
  const all = Number(`0x${BRAND.toString(16).repeat(4)}`);
  const clock = (bits: number, count: number) => {
    for (let i = count - 1; i >= 0; i--) {
      const data = (bits >> i) & 1 ? 2 : 0;
      for (const pins of [0x88, 0x8c]) vmm.write(0x50, 1, pins | data);
    }
  };
  for (const [command, data] of [[0x130], ...[0, 7, 20, 63].map(word => [0x140 | word, BRAND * 0x101])]) {
    vmm.write(0x50, 1, 0x80);
    clock(command!, 9);
    if (data !== undefined) clock(data, 16);
  }
  vmm.write(0x50, 1, 0xc0);
  for (const at of [0x00, 0x04, 0x08, 0x0c, 0x54, 0x58, 0x5c, 0xd8, 0xe8, 0xec]) vmm.write(at, 4, all);
  for (let at = 0x78; at < 0xd4; at += 4) vmm.write(at, 4, all);
  vmm.write(0x52, 1, BRAND);
  vmm.write(0x62, 4, all);
  vmm.write(0x66, 2, all & 0xffff);
  vmm.write(0x37, 1, 4); // the rest may not lead anywhere
  vmm.write(0x40, 4, all);
  vmm.write(0x37, 1, 0);
  for (const at of [0x14, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x44, 0xe4]) vmm.write(at, 4, all);
  vmm.write(0x38, 2, all & 0xffff);
}

/** A context that may be changed to anything. */
interface Loose {
  [name: string]: unknown;
  registers: Record<
    'TCR' | 'IMR' | 'CAPR' | 'TSD1' | 'TSD2' | 'TSAD2' | 'RXNEXT' | 'CBR' | 'RBSTART' | 'RCR',
    number
  >;
  state: { cr: number; slots: Record<string, number>[] };
}

describe.each(variants)('a context of a %s that comes from outside', variant => {
  const model = new TestVmm(variant).model;
  const good = (seed = 3): Context => user(variant, seed, 200).takeContext();

  it('is copied as it is', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const context = good(seed);
      const checked = model.checkContext({ ...structuredClone(context), more: 1 });
      expect(checked).toEqual({ ...context, state: { ...context.state, verified: false } });
    }
  });

  const change = (edit: (context: Loose) => void) => (): unknown => {
    const context = good();
    edit(context as unknown as Loose);
    return context;
  };
  it.each<[string, () => unknown, string]>([
    ['nothing', () => null, 'not an object'],
    ['another model', change(c => void (c.model = 'ne2000')), 'version 1 of ne2000'],
    ['another version', change(c => void (c.version = 2)), 'version 2'],
    [
      'without registers',
      change(c => void delete (c as Partial<Loose>).registers),
      'registers is not an object',
    ],
    [
      'without a register',
      change(c => void delete (c.registers as Partial<Loose['registers']>).TCR),
      'TCR is undefined',
    ],
    ['with a register too wide', change(c => void (c.registers.IMR = 0x10000)), 'IMR is 65536'],
    ['with a fraction', change(c => void (c.registers.CAPR = 1.5)), 'CAPR is 1.5'],
    ['with a negative register', change(c => void (c.registers.TSD2 = -1)), 'TSD2 is -1'],
    ['with a position beyond the ring', change(c => void (c.registers.RXNEXT = 64)), 'RXNEXT is 64'],
    ['with an odd CBR', change(c => void (c.registers.CBR = 6)), 'CBR is not a multiple of 4'],
    ['with an odd RBSTART', change(c => void (c.registers.RBSTART = 2)), 'RBSTART is not a multiple of 4'],
    ['with another RBSTART than the model’s', change(c => void (c.registers.RBSTART ^= 16)), 'rbstart is'],
    ['with another CR than the model’s', change(c => void (c.state.cr ^= 8)), 'cr is'],
    ['with another TSAD than the model’s', change(c => void (c.registers.TSAD2 ^= 16)), 'descriptor 2'],
    ['with another length than the model’s', change(c => void (c.registers.RCR ^= 0x800)), 'rcr is'],
    [
      'with a transmission that the model missed',
      change(c => void ((c.registers.TSD1 = 8000), (c.state.slots[1]!.waiting = 60))),
      'descriptor 1',
    ],
    [
      'without a state',
      change(c => void delete (c as Partial<Loose>).state),
      'what the model knows is not an object',
    ],
    ['with three descriptors', change(c => void c.state.slots.pop()), 'four transmit descriptors'],
    [
      'with no descriptor',
      change(c => void ((c.state.slots as unknown[])[0] = 7)),
      'a transmit descriptor is not an object',
    ],
    ['with too long a transmission', change(c => void (c.state.slots[0]!.waiting = 9000)), '9000 bytes'],
    ['without its parameters', change(c => void (c.memory = new Uint8Array(3))), 'parameter area'],
    [
      'with too many virtual registers',
      change(c => void (c.virtual = Array(1000).fill({}))),
      'array of up to',
    ],
    [
      'with a virtual register outside',
      change(c => void (c.virtual = [virtual({ offset: 0xfe })])),
      'not registers',
    ],
    [
      'with a virtual register of no kind',
      change(c => void (c.virtual = [virtual({ kind: 'odd' })])),
      'is odd',
    ],
    ['with a page', change(c => void (c.virtual = [virtual({ page: 1 })])), 'no page 1'],
  ])('is refused: %s', (_, make, why) => {
    expect(() => model.checkContext(make())).toThrow(why);
  });
  const virtual = (change: object) => ({
    kind: 'fixed',
    offset: 0x10,
    size: 4,
    page: 0,
    value: 0,
    ...change,
  });

  it('has C+ mode on a C+ only', () => {
    const vmm = new TestVmm(variant);
    const context = vmm.takeContext();
    context.registers.CPCR = context.state.cpcr = 1;
    const check = expect(() => model.checkContext(context));
    if (variant === 'rtl8139') check.toThrow('no C+ mode');
    else check.not.toThrow();
  });

  it('may hold anything: the card reaches no memory but the guest’s, and sends nothing', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const next = random(seed);
      const context = good(1 + (seed % 10));
      const { registers: r, state } = context;
      const any = () => [0, 4, 0xfffc, 0xffff, 0x10000, 0xfffffffc, next(2 ** 16), next(2 ** 32)][next(8)]!;
      for (const name of Object.keys(r)) {
        if (next(3) === 0) continue;
        const unused = { CBR: 3, RBSTART: 3, TSAD0: 3, TSAD2: 3, DTCCR: 0x3f, RDSAR: 0xff }[name] ?? 0;
        r[name] = (any() & ~unused) >>> 0;
      }
      const widths = { 1: [], 2: ['TXNEXT'], 6: ['TNPNEXT', 'THPNEXT', 'RXNEXT'] };
      for (const [bits, names] of Object.entries(widths))
        for (const name of names) r[name]! %= 2 ** Number(bits);
      const bytes = ['CONFIG1', 'CONFIG3', 'CONFIG4', 'CONFIG5', 'MSR', 'ETThR', 'CR', '9346CR'];
      const words = ['IDR4', 'MULINT', 'BMCR', 'ANAR', 'RMS', 'IntrMitigate', 'CAPR', 'CBR', 'IMR', 'CPCR'];
      for (const name of bytes) r[name]! &= 0xff;
      for (const name of words) r[name]! &= 0xffff;
      if (variant === 'rtl8139') Object.assign(r, { CPCR: 0, TSAD1: r.TSAD1! & ~3, TSAD3: r.TSAD3! & ~3 });
      for (const name of ['TSAD1', 'TSAD3']) r[name]! >>>= 0;
      Object.assign(state, {
        ...{ rbstart: r.RBSTART, rcr: r.RCR! & 0x1880, cr: r.CR! & 12, cpcr: r.CPCR! & 3, rdsar: r.RDSAR },
        ...{ rdsarHigh: r.RDSARH, dtccr: r.DTCCR, dtccrHigh: r.DTCCRH },
        slots: [0, 1, 2, 3].map(n => ({ address: r[`TSAD${n}`], waiting: 0x2000, used: true })),
      });
      const vmm = user(variant, seed, 50);
      const before = Buffer.from(vmm.memory.bytes());
      vmm.wire.sent.length = vmm.violations.length = 0;
      vmm.giveContext(model.checkContext(context));
      expect([vmm.wire.sent.length, vmm.violations, before.compare(vmm.memory.bytes())]).toEqual([0, [], 0]);
      // nor does what the guest can start with it, as far as registers say
      for (const act of actions('rtl8139', seed, 100)) outcome(vmm, act);
      const beyond = vmm.violations.filter(({ register }) => !register.endsWith('buffer'));
      expect([seed, beyond, vmm.escaped]).toEqual([seed, [], []]);
      const again = Buffer.from(vmm.memory.bytes());
      vmm.takeContext();
      expect(again.compare(vmm.memory.bytes())).toBe(0);
    }
  });
});
