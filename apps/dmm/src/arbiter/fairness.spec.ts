import { Arbiter, type Why } from './arbiter';

/** mulberry32: small, and the same on every machine. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Options {
  guests: number;
  sliceMs: number;
  /** A switch takes between 0 and this, ms. */
  switchMs: number;
  /** Of switches that fail, 0 to 1. */
  failing?: number;
  why?: (guest: number) => Why;
  seed: number;
  untilMs: number;
}

/**
 * A host in virtual time whose guests always want the card: one that loses it stands at its next access while the
 * switch is still under way, and repeats its wish now and then.
 */
function simulate(options: Options) {
  const { guests, sliceMs, switchMs, failing = 0, why = () => 'access', seed, untilMs } = options;
  const next = random(seed);
  const arbiter = new Arbiter(() => ({ sliceMs, onFrame: true }));
  const guest = (n: number) => ({ vmId: String(n), epoch: 1 });
  const asked = new Map<number, number>();
  const held = new Array<number>(guests).fill(0);
  const turns = new Array<number>(guests).fill(0);
  let longest = 0;
  let switches = 0;
  let holder: { n: number; since: number } | null = null;
  let now = 0;
  const ask = (n: number, at: number) => {
    if (!asked.has(n)) asked.set(n, at);
    arbiter.ask(guest(n), why(n), at);
  };
  for (let n = 0; n < guests; n++) ask(n, next() * sliceMs);
  while (now < untilMs) {
    const step = arbiter.step(now);
    if (step.do === 'nothing') throw new Error('all guests are greedy: somebody must wait');
    if (step.do === 'wait') {
      if (!(step.until > now)) throw new Error('it waits for nothing');
      now = step.until;
      continue;
    }
    const to = Number(step.to.vmId);
    arbiter.begin(step.to);
    switches++;
    if (holder) held[holder.n]! += now - holder.since;
    const begun = now;
    now += next() * switchMs;
    if (holder) ask(holder.n, begun + next() * (now - begun));
    if (next() < 0.2) ask(to, now);
    if (next() < failing) {
      if (holder) asked.delete(holder.n);
      if (holder) holder.since = now;
      arbiter.failed(now, false);
      continue;
    }
    arbiter.done(now);
    turns[to]!++;
    longest = Math.max(longest, now - asked.get(to)!);
    asked.delete(to);
    holder = { n: to, since: now };
    if (next() < 0.2) ask(to, now);
    asked.delete(to);
  }
  for (const since of asked.values()) longest = Math.max(longest, now - since);
  return { held, turns, longest, switches };
}

describe('guests that always want the card', () => {
  it('wait for at most all others’ slices and switches, however many they are', () => {
    const next = random(1);
    for (let seed = 1; seed <= 100; seed++) {
      const guests = 2 + Math.floor(next() * 12);
      const sliceMs = 1 + Math.floor(next() * 100);
      const switchMs = next() * 50;
      const why = () => (next() < 0.5 ? 'access' : 'frame') as Why;
      const { longest, held } = simulate({ guests, sliceMs, switchMs, why, seed, untilMs: 5_000 });
      expect(longest).toBeLessThanOrEqual((guests - 1) * sliceMs + guests * switchMs + 1e-6);
      expect(Math.min(...held)).toBeGreaterThan(0);
    }
  });

  it.each([2, 3, 7])('have equal shares: %i of them, within 10 %%', guests => {
    for (let seed = 1; seed <= 20; seed++) {
      const { held } = simulate({ guests, sliceMs: 20, switchMs: 10, seed, untilMs: 20_000 });
      const fair = held.reduce((sum, ms) => sum + ms, 0) / guests;
      for (const ms of held) expect(Math.abs(ms - fair)).toBeLessThanOrEqual(fair / 10);
    }
  });

  it('each have their turn also when switches fail, without a storm of them', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const untilMs = 30_000;
      const guests = 5;
      const { turns, switches } = simulate({ guests, sliceMs: 10, switchMs: 2, failing: 0.3, seed, untilMs });
      const fair = turns.reduce((sum, count) => sum + count, 0) / guests;
      expect(Math.min(...turns)).toBeGreaterThan(fair / 2);
      // Not more often than each slice or each pause.
      expect(switches).toBeLessThan(untilMs / 10);
    }
  });
});
