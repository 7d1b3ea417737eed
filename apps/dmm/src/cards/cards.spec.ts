import { randomUUID } from 'node:crypto';
import { defaultDmmPolicy, type CardModel } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import type { Card } from './card';
import { Cards } from './cards';
import { emulatedHooks, hooksOf, type CardUse } from './hooks';

const vmId = randomUUID();
const use = (model: CardModel): CardUse => ({
  ...{ access: 'vpio', model: modelOf(model), state: modelOf(model).initialState(), memorySize: 64 << 20 },
});
const at = (host: string, epoch = 1) => ({ host, nic: 'eth0', vmId, epoch });

describe('cards', () => {
  let cards: Cards;
  let released: Card[];
  beforeEach(() => {
    released = [];
    cards = new Cards(() => defaultDmmPolicy);
    cards.onRelease = card => released.push(card);
  });

  it('are made when they are first heard of', () => {
    const card = cards.admit(at('alpha'), { model: 'ne2000', access: 'vpio' });
    expect(card).toMatchObject({ name: 'alpha/eth0', host: 'alpha', nic: 'eth0', model: null });
    expect(cards.of('alpha', 'eth0')).toBe(card);
    expect(cards.find('alpha', 'eth1')).toBeUndefined();
    cards.of('beta', 'eth0');
    expect(cards.ofHost('alpha')).toEqual([card]);
    expect(cards.all().length).toBe(2);
  });

  it('refuse a host that has the guest no more, and count it', () => {
    cards.admit(at('beta', 2));
    expect(() => cards.admit(at('alpha', 1))).toThrow(
      expect.objectContaining({
        code: 'DEVICE_IN_USE',
        message: `epoch 1 of VM ${vmId} is over: alpha may not use alpha/eth0 for it any more`,
      }),
    );
    expect([cards.stale, cards.find('alpha', 'eth0')]).toEqual([1, undefined]);
  });

  it('forget what a guest had under an older epoch, wherever', () => {
    const alpha = cards.admit(at('alpha'));
    alpha.put(at('alpha'), use('ne2000'));
    alpha.arbiter.ask(at('alpha'), 'access', 0);
    alpha.arbiter.begin(at('alpha'));
    alpha.arbiter.done(0);
    const other = cards.of('alpha', 'eth1');
    cards.admit(at('beta', 2));
    expect([alpha.arbiter.holder, alpha.guests.size]).toEqual([null, 0]);
    expect(released).toEqual([alpha]);
    expect(cards.all()).toContain(other);
    cards.admit(at('beta', 2));
    expect(released.length).toBe(1);
  });

  it('are what the first said that they are', () => {
    const card = cards.admit(at('alpha'), { model: 'ne2000', access: 'vpio' });
    card.put(at('alpha'), use('ne2000'));
    expect(() => cards.admit(at('alpha'), { model: 'rtl8139', access: 'vpio' })).toThrow(
      expect.objectContaining({
        code: 'DEVICE_MISMATCH',
        message: 'alpha/eth0 is a card of model ne2000, not rtl8139',
      }),
    );
  });

  it('are no matter of the DMM where a guest has one alone', () => {
    expect(() => cards.admit(at('alpha'), { model: 'ne2000', access: 'passthrough' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_REQUEST',
        fields: [expect.objectContaining({ path: 'access' })],
      }),
    );
  });

  it('of a host that was started anew are new ones', () => {
    const card = cards.of('alpha', 'eth0');
    const beta = cards.of('beta', 'eth0');
    expect(cards.forgetHost('alpha')).toEqual([card]);
    expect(cards.all()).toEqual([beta]);
    expect(cards.of('alpha', 'eth0')).not.toBe(card);
  });

  it('trust a state that is the one they know, and no other', () => {
    const card = cards.of('alpha', 'eth0');
    const known = use('rtl8139');
    card.put(at('alpha'), known, { sequence: 1, answer: { verdict: 'proceed', reason: '' } });
    const copy = { ...known, state: JSON.parse(JSON.stringify(known.state)) as unknown };
    expect(card.known(at('alpha'), copy)).toBe(card.guests.get(vmId));
    expect(card.known(at('alpha', 2), copy)).toBeUndefined();
    expect(card.known(at('alpha'), { ...copy, memorySize: 1 })).toBeUndefined();
    expect(card.known(at('alpha'), { ...copy, access: 'emulated' })).toBeUndefined();
    expect(card.known(at('alpha'), { ...copy, state: { ...Object(copy.state), cr: 4 } })).toBeUndefined();
    expect(card.known(at('alpha'), { ...copy, model: modelOf('rtl8139c+') })).toBeUndefined();
  });
});

describe('the hooked I/O list', () => {
  it('is the model’s', () => {
    const shared = use('rtl8139');
    expect(hooksOf(shared)).toEqual(shared.model.hooks(shared.state));
  });

  it.each(['ne2000', 'rtl8139', 'rtl8139c+'] as const)('of an emulated %s is all of it', name => {
    const model = modelOf(name);
    const hooks = hooksOf({ ...use(name), access: 'emulated' });
    expect(hooks).toEqual(emulatedHooks(model));
    expect(hooks).toMatchObject(
      ['read', 'write'].map(direction => ({ direction, offset: 0, length: model.windowSize, class: 'exit' })),
    );
  });
});
