import assert from 'node:assert/strict';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the cards' test kit is no part of what the library offers
import { ethernetFrame, MAC_A, MAC_B } from '../../../devices/src/ethernet/testing';
import { ne2000Model } from './model';
import { compareSwitched, loopBack, nothingSeen, run, usedCard } from './switch.fixture';
import { carried, vmmRig, type VmmRig } from './vmm.fixture';

const MARK = 0xa5;

/** A card where everything that a guest can write is the same byte. */
function markedCard(): VmmRig {
  const rig = vmmRig(MAC_B);
  const { card } = rig;
  const write = (offset: number, ...values: number[]) =>
    values.forEach((value, i) => card.write(offset + i, 1, value));
  const mark = (length: number) => new Array<number>(length).fill(MARK);
  write(0x00, 0x22);
  write(0x0e, 0x49);
  write(0x08, 0, 0x40, 0, 0x40, 0, 0x02); // all of packet memory; loopback
  write(0x00, 0x12);
  for (let i = 0; i < 0x1000; i++) card.write(0x10, 4, MARK * 0x01010101);
  write(0x04, 0x50, MARK, 0x01);
  write(0x00, 0x26); // the FIFO
  write(0x00, 0x21);
  write(0x01, ...mark(6));
  write(0x08, ...mark(8));
  write(0x00, 0x61, ...mark(15));
  write(0x00, 0xa1, ...mark(7));
  write(0x00, 0xe1, ...mark(6));
  write(0x00, 0x29); // a remote read under way
  return rig;
}

/** Every number and byte of a card's own state. */
const numbersOf = (value: unknown): number[] =>
  typeof value === 'object' ? Object.values(value as object).flatMap(numbersOf) : [value as number];

describe('switches after random accesses', () => {
  it('show the guest no difference', () => {
    const seen = nothingSeen();
    for (let seed = 1; seed <= 100; seed++) compareSwitched(seed, seen);
    expect(seen.compared).toBeGreaterThan(10_000);
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
    expect(seen.approximate).toBeLessThan(10);
  });
});

describe('what another guest left', () => {
  it('is nowhere after a restore of the power-on state', () => {
    const marked = markedCard();
    expect(numbersOf(marked.silicon.save()).filter(n => n === MARK).length).toBeGreaterThan(16384 + 20);
    marked.silicon.setMac(MAC_A);
    marked.card.putContext(null);
    const left = numbersOf(marked.silicon.save());
    expect(
      left.filter(n => [MARK & 0x1f, MARK & 0x3f, MARK & 0x7f].includes(n & 0xff) || n >> 8 === MARK),
    ).toEqual([]);
  });

  it('makes no difference to what a restore makes', () => {
    const guest = usedCard(7);
    const context = guest.card.takeContext();
    for (const to of [null, context]) {
      const restored = (rig: VmmRig) => {
        rig.silicon.setMac(MAC_A);
        rig.silicon.setLink(true);
        rig.card.putContext(to);
        return rig.silicon.save();
      };
      const expected = restored(vmmRig(MAC_A));
      assert.deepEqual(restored(markedCard()), expected);
      for (let seed = 300; seed < 340; seed++) assert.deepEqual(restored(usedCard(seed)), expected);
    }
  });
});

it('restores the power-on state but for what a loopback leaves', () => {
  const fresh = vmmRig().silicon.save();
  const { card, silicon } = markedCard();
  silicon.setMac(MAC_A);
  card.putContext(null);
  const { registers, fifo, ...rest } = silicon.save();
  expect(rest).toEqual({
    version: 1,
    model: 'ne2000',
    par: fresh.par,
    mar: fresh.mar,
    prom: fresh.prom,
    ram: fresh.ram,
  });
  expect(registers).toEqual({ ...fresh.registers, tsr: 0x53, rsr: 0x01 });
  expect([...fifo.subarray(0, 1), ...fifo.subarray(5)]).toEqual([0, 64, 0, 0]);
});

it('saves again what it has just restored', () => {
  for (let seed = 400; seed < 420; seed++) {
    const used = usedCard(seed);
    loopBack(used); // a FIFO as no new card has it
    const first = used.card.takeContext();
    const { card } = usedCard(seed + 1000);
    card.putContext(first);
    const { virtual, ...second } = card.takeContext();
    const { virtual: before, ...expected } = first;
    assert.deepEqual(second, expected);
    expect(new Set(virtual)).toEqual(new Set(before));
  }
});

it('says when the card is reusable: a remote DMA alone is in the way', () => {
  const { card, silicon } = vmmRig();
  expect(card.reusable).toBe(true);
  card.write(0x00, 1, 0x22);
  card.write(0x0c, 1, 0x10);
  card.write(0x02, 1, 0x80);
  card.write(0x0a, 1, 4);
  expect(card.reusable).toBe(true);
  for (const command of [0x0a, 0x12]) {
    card.write(0x00, 1, command);
    expect(card.reusable).toBe('a remote DMA is under way');
    card.write(0x00, 1, 0x22);
    expect(card.reusable).toBe(true);
  }
  silicon.receive(ethernetFrame(MAC_A));
  expect(card.reusable).toBe(true);
});

it('tells page, reusability and interrupt mask without changing anything', () => {
  for (let seed = 500; seed < 540; seed++) {
    const { silicon } = usedCard(seed);
    const before = silicon.save();
    const { cr, imr } = before.registers;
    const registers = {
      read: (offset: number, size: number) => silicon.read(offset, size),
      write: (offset: number, size: number, value: number) => silicon.write(offset, size, value),
    };
    expect(ne2000Model.page(registers)).toBe(cr >> 6);
    expect(ne2000Model.interruptMask(registers)).toBe(imr);
    expect(ne2000Model.reusable({ registers, memory: undefined as never }) === true).toBe((cr & 0x20) !== 0);
    assert.deepEqual(silicon.save(), before);
  }
});

describe('a context from outside', () => {
  const whole = () => {
    const rig = vmmRig();
    run(rig, 3, 100);
    return rig.card.takeContext();
  };
  type Context = ReturnType<typeof whole>;
  const virtual = (change: object) => (context: Context) => ({
    ...context,
    virtual: [{ kind: 'fixed', offset: 4, size: 1, page: 0, value: 3, ...change }],
  });
  const registers = (change: object) => (context: Context) => ({
    ...context,
    registers: { ...context.registers, ...change },
  });

  it('is taken as a copy, without what does not belong to it', () => {
    const context = whole();
    const checked = ne2000Model.checkContext({
      ...context,
      more: 1,
      registers: { ...context.registers, more: 1 },
    });
    assert.deepEqual(checked, context);
    expect(checked.memory).not.toBe(context.memory);
  });

  const outside = whole();
  it.each<[string, (context: Context) => unknown, string]>([
    ['nothing', () => undefined, 'it is not an object'],
    ['a number', () => 7, 'it is not an object'],
    ['another model', context => ({ ...context, model: 'rtl8139' }), 'version 1 of rtl8139'],
    ['another version', context => ({ ...context, version: 2 }), 'it is version 2 of ne2000, not version 1'],
    [
      'no registers',
      context => ({ ...context, registers: undefined }),
      'the set of registers is not an object',
    ],
    ['a register too few', registers({ CURR: undefined }), 'CURR is undefined'],
    [
      'one that is inherited',
      context => ({ ...context, registers: Object.create(context.registers) }),
      'undefined',
    ],
    ['a register that is too wide', registers({ IMR: 0x80 }), 'IMR is 128, not an unsigned number of 7 bits'],
    ['a register that is text', registers({ BNRY: '7' }), 'BNRY is 7'],
    ['a broken number', registers({ RBCR: NaN }), 'RBCR is NaN'],
    ['a transmission', registers({ CR: 0x26 }), 'a transmission is under way'],
    [
      'no memory',
      context => ({ ...context, memory: undefined }),
      'packet memory is not an array of 16384 bytes',
    ],
    ['more memory', context => ({ ...context, memory: new Uint8Array(32768) }), 'packet memory is not'],
    [
      'an array for memory',
      context => ({ ...context, memory: Array(16384).fill(0) }),
      'packet memory is not',
    ],
    ['no state', context => ({ ...context, state: null }), 'what the model knows is not an object'],
    [
      'a state that is too wide',
      context => ({ ...context, state: { ...context.state, tbcr: 65536 } }),
      'tbcr is 65536',
    ],
    ['no list', context => ({ ...context, virtual: {} }), 'the set of virtual registers is not an array'],
    [
      'a list without end',
      context => ({ ...context, virtual: Array(33).fill({}) }),
      'not an array of up to 32',
    ],
    ['an unknown kind', virtual({ kind: 'any' }), 'a virtual register is any'],
    ['an odd size', virtual({ size: 3 }), 'a register has 3 bytes'],
    ['a place that is none', virtual({ offset: 0x20 }), '1 bytes at 0x20 are not registers'],
    ['a place partly outside', virtual({ offset: 0x1e, size: 4 }), '4 bytes at 0x1e are not registers'],
    ['a page that is none', virtual({ page: 4 }), 'there is no page 4'],
    ['a value that is too wide', virtual({ value: 256 }), 'the value of a virtual register is 256'],
    ['an end that is none', virtual({ until: [7] }), 'what ends a virtual register is not an object'],
    ['an end of nothing', virtual({ until: [{ offset: 0, length: 0 }] }), '0 bytes at 0x0 are not registers'],
    ['too many ends', virtual({ until: Array(9).fill({}) }), 'not an array of up to 8'],
    ['a bad mask', virtual({ until: [{ offset: 0, length: 1, mask: -1 }] }), 'a mask is -1'],
    ['bad values', virtual({ until: [{ offset: 0, length: 1, equals: [1.5] }] }), 'a value is 1.5'],
  ])('is refused: %s', (_, change, why) => {
    expect(() => ne2000Model.checkContext(change(outside))).toThrow('context of ne2000 refused: ');
    expect(() => ne2000Model.checkContext(change(outside))).toThrow(why);
  });

  it('may hold anything within its bounds: the card takes it, sends nothing and is as well separated', () => {
    const context = whole();
    for (let byte = 0; byte < 256; byte += 5) {
      const { card, silicon, wire } = usedCard(byte);
      wire.sent.length = 0;
      const names = Object.keys(context.registers);
      const all = Object.fromEntries(names.map(name => [name, byte & (name === 'CR' ? 0xfb : 0x1f)]));
      card.putContext(carried({ ...context, registers: all, memory: new Uint8Array(16384).fill(byte) }));
      expect(wire.sent).toEqual([]);
      expect(silicon.save().ram.every(each => each === byte)).toBe(true);
    }
  });
});
