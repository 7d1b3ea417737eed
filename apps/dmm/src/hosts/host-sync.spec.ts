import { randomUUID } from 'node:crypto';
import { defaultDmmPolicy, V3Error, type DeviceInventory } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { Cards } from '../cards/cards';
import { HostSync } from './host-sync';

const guest = () => ({ vmId: randomUUID(), epoch: 1 });
const [a, b] = [guest(), guest()];
const inventory = (more: Partial<DeviceInventory> = {}) =>
  ({
    nic: 'eth0',
    model: 'ne2000',
    holder: null,
    use: null,
    waiting: [],
    guests: [],
    ...more,
  }) as unknown as DeviceInventory;

describe('what is believed of a host', () => {
  let cards: Cards;
  let answer: () => Promise<DeviceInventory[]> | DeviceInventory[];
  let asked: number;
  let events: string[];
  let sync: HostSync;
  beforeEach(() => {
    cards = new Cards(() => defaultDmmPolicy);
    answer = () => [inventory({ holder: a, waiting: [{ ...b, why: 'access', waitedMs: 40 }] })];
    asked = 0;
    events = [];
    sync = new HostSync({
      cards,
      inventory: async () => {
        asked++;
        return answer();
      },
      onSynced: host => events.push(`synced ${host}`),
      onRestart: host => events.push(`restart ${host}`),
      onFailure: host => events.push(`failure ${host}`),
      now: () => 1_000,
    });
  });
  /** All that was begun has ended. */
  const settled = () => new Promise(setImmediate);

  it('is what it says', async () => {
    await sync.doubt('alpha');
    const { arbiter, model } = cards.of('alpha', 'eth0');
    expect([arbiter.holder, arbiter.waiting(1_000), model, arbiter.hasHearsay]).toEqual([
      ...[a, [{ ...b, why: 'access', waitedMs: 40 }], 'ne2000', true],
    ]);
    expect(events).toEqual(['synced alpha']);
  });

  it('is asked for again by each heartbeat until it answers, and then no more', async () => {
    const { arbiter } = cards.of('alpha', 'eth0');
    answer = () => Promise.reject(new V3Error('TIMEOUT', 'nothing'));
    await sync.doubt('alpha');
    sync.heard('alpha', 'one');
    await settled();
    expect(events).toEqual(['failure alpha', 'failure alpha']);
    answer = () => [inventory({ holder: a })];
    for (let beat = 0; beat < 3; beat++) {
      sync.heard('alpha', 'one');
      await settled();
    }
    expect([asked, arbiter.holder]).toEqual([3, a]);
  });

  it('is void when its Palacios is another one', async () => {
    sync.heard('alpha', 'one');
    await settled();
    sync.heard('alpha', 'two');
    await settled();
    expect(events).toEqual(['synced alpha', 'restart alpha', 'synced alpha']);
  });

  it('is asked for anew when there is a doubt while it is being asked', async () => {
    const answers: ((devices: DeviceInventory[]) => void)[] = [];
    answer = () => new Promise(resolve => answers.push(resolve));
    void sync.doubt('alpha');
    const second = sync.doubt('alpha');
    await settled();
    answers[0]!([inventory({ holder: a })]);
    await settled();
    answers[1]!([inventory({ holder: b })]);
    await second;
    expect([asked, cards.of('alpha', 'eth0').arbiter.holder]).toEqual([2, b]);
  });

  it.each([
    ['began', (card: ReturnType<Cards['of']>) => card.arbiter.begin(b)],
    [
      'was made',
      (card: ReturnType<Cards['of']>) => {
        card.arbiter.begin(b);
        card.arbiter.done(0);
      },
    ],
  ])('is not what it said before a switch that %s meanwhile', async (_, move) => {
    const card = cards.of('alpha', 'eth0');
    let moved = false;
    answer = () => {
      if (!moved) move(card);
      moved = true;
      return [inventory({ holder: a })];
    };
    await sync.doubt('alpha');
    if (card.arbiter.next) {
      expect([asked, card.arbiter.holder]).toEqual([3, null]);
      card.arbiter.done(0);
      sync.heard('alpha', 'one');
      await settled();
    }
    expect([moved, card.arbiter.holder]).toEqual([true, a]);
  });

  it('is how the holder uses a card, of which no exit may tell for long', async () => {
    const state = { ...(modelOf('ne2000').initialState() as object), pstart: 0x4c };
    const use = { access: 'vpio', state, memorySize: 64 << 20 } as const;
    answer = () => [inventory({ holder: a, use })];
    await sync.doubt('alpha');
    const { guests } = cards.of('alpha', 'eth0');
    expect(guests.get(a.vmId)).toMatchObject({ ...a, ...use });
    // What is known already comes from exits: that is newer.
    answer = () => [inventory({ holder: a, use: { ...use, state: { ...state, pstart: 0 } } })];
    await sync.doubt('alpha');
    expect(guests.get(a.vmId)).toMatchObject({ state });
    answer = () => [inventory({ holder: b, use: { ...use, state: { pstart: 'x' } } })];
    await sync.doubt('alpha');
    expect([guests.get(b.vmId), events.at(-2), events.at(-1)]).toEqual([
      ...[undefined, 'failure alpha', 'synced alpha'],
    ]);
  });

  it('leaves out guests of epochs that are over', async () => {
    cards.isCurrent({ ...b, epoch: 2 });
    await sync.doubt('alpha');
    expect(cards.of('alpha', 'eth0').arbiter.waiting(0)).toEqual([]);
  });

  it('is doubted as a whole when its messages may have been lost', async () => {
    sync.heard('alpha', 'one');
    sync.heard('beta', 'one');
    await settled();
    sync.doubtAll();
    await settled();
    expect(events).toEqual(['alpha', 'beta', 'alpha', 'beta'].map(host => `synced ${host}`));
  });
});
