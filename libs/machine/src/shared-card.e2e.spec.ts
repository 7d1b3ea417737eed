import type { CardModel } from '@v3vee/contracts';
import { Guests, sh } from './testing/guests.fixture';
import { DRIVERS, ipOf, Segment } from './testing/segment.fixture';
import type { Guest } from './index';

/** Two real guests share one physical card, a third has one of its own on the same segment. */

const FILE = 256 << 10;

describe.each(Object.keys(DRIVERS) as CardModel[])('a %s shared by two guests', model => {
  let guests: Guests;
  let segment: Segment;
  let all: Guest[];

  beforeAll(async () => {
    guests = await Guests.prepare();
    segment = new Segment(model, guests);
    all = [];
    for (const use of ['shares', 'shares', 'alone'] as const) all.push(await segment.start(all.length, use));
  });
  afterAll(() => guests.stop());

  const accesses = async (guest: Guest) => {
    const { registers, frames } = (await guest.telemetry()).cards[0]!;
    const sum = (of: 'open' | 'shadow' | 'exit') => registers.reduce((total, row) => total + row[of], 0);
    const hooked = sum('shadow') + sum('exit');
    return { hooked, all: hooked + sum('open'), frames };
  };

  it('gives both their pings and downloads, the VMM needed for at most one access in 30', async () => {
    const [a, b, server] = all as [Guest, Guest, Guest];
    const sum = await sh(
      server,
      `mkdir -p /www; cd /www; head -c ${FILE} /dev/urandom > f; httpd -h . && sha256sum f | cut -c1-64`,
    );
    const sharers = [a, b];
    const before = await Promise.all(sharers.map(accesses));
    const { switches } = segment;
    const got = await Promise.all(
      sharers.map(guest =>
        sh(
          guest,
          `ping -c 5 -i 0.2 -W 10 ${ipOf(2)}; wget -q -O - http://${ipOf(2)}/f | sha256sum | cut -c1-64`,
          240_000,
        ),
      ),
    );
    for (const answer of got) {
      expect(answer).toContain('5 packets received');
      expect(answer.split('\n').at(-1)).toBe(sum);
    }
    expect(segment.switches).toBeGreaterThan(switches);
    expect(segment.forced).toBe(0);
    for (const [index, after] of (await Promise.all(sharers.map(accesses))).entries()) {
      const { hooked, all } = before[index]!;
      expect(after.hooked - hooked).toBeLessThanOrEqual((after.all - all) / 30);
      expect(after.frames).toMatchObject({ dropped: 0, spoofed: 0 });
    }
  }, 300_000);

  it('lets the two talk to each other through it', async () => {
    expect(await sh(all[0]!, `ping -c 3 -i 0.2 -W 10 ${ipOf(1)}`)).toContain('3 packets received');
  });

  it('goes on after a save and restore of a guest that had it', async () => {
    const [a] = all as [Guest];
    await sh(a, `ping -c 1 -W 10 ${ipOf(2)}`);
    await a.pause();
    const state = await a.save();
    await a.load(state);
    await a.run();
    expect(await sh(a, `ping -c 3 -i 0.2 -W 10 ${ipOf(2)}`)).toContain('3 packets received');
  });
});
