import type { CardModel } from '@v3vee/contracts';
import { Guests, sh } from './testing/guests.fixture';
import { DRIVERS, ipOf, Segment } from './testing/segment.fixture';
import type { Guest } from './index';

/** Two real guests share one physical card, a third has one of its own on the same segment. */

const FILE = 512 << 10;

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

  it('gives both their pings, and both their downloads with the right SHA-256', async () => {
    const [a, b, server] = all as [Guest, Guest, Guest];
    for (const guest of [a, b]) {
      expect(await sh(guest, `ping -c 5 -i 0.2 -W 10 ${ipOf(2)}`)).toContain('5 packets received');
    }
    const sum = await sh(
      server,
      `mkdir -p /www; cd /www; head -c ${FILE} /dev/urandom > f; httpd -h . && sha256sum f | cut -c1-64`,
    );
    const before = segment.switches;
    const got = await Promise.all(
      [a, b].map(guest => sh(guest, `wget -q -O - http://${ipOf(2)}/f | sha256sum | cut -c1-64`, 240_000)),
    );
    expect(got).toEqual([sum, sum]);
    expect(segment.switches).toBeGreaterThan(before);
    expect(segment.forced).toBe(0);
  }, 300_000);

  it('lets the two talk to each other through it', async () => {
    expect(await sh(all[0]!, `ping -c 3 -i 0.2 -W 10 ${ipOf(1)}`)).toContain('3 packets received');
  });

  it('needs the VMM for at most one access in 30', async () => {
    const accesses = async (guest: Guest) => {
      const { registers, frames } = (await guest.telemetry()).cards[0]!;
      const sum = (of: 'open' | 'shadow' | 'exit') => registers.reduce((total, row) => total + row[of], 0);
      const hooked = sum('shadow') + sum('exit');
      return { hooked, all: hooked + sum('open'), frames };
    };
    for (const guest of all.slice(0, 2)) {
      const before = await accesses(guest);
      await sh(
        guest,
        `ping -c 20 -i 0.05 -W 10 ${ipOf(2)}; wget -q -O /dev/null http://${ipOf(2)}/f`,
        240_000,
      );
      const after = await accesses(guest);
      expect(after.hooked - before.hooked).toBeLessThanOrEqual((after.all - before.all) / 30);
      expect(after.frames).toMatchObject({ dropped: 0, spoofed: 0 });
    }
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
