import { Arbiter, type Guest } from './arbiter';

const guest = (n: number, epoch = 1): Guest => ({ vmId: `guest-${n}`, epoch });
const [a, b, c] = [guest(1), guest(2), guest(3)];

describe('the arbiter of a card', () => {
  let policy: { sliceMs: number; onFrame: boolean };
  let arbiter: Arbiter;
  beforeEach(() => {
    policy = { sliceMs: 20, onFrame: true };
    arbiter = new Arbiter(() => policy);
  });

  const waiting = (now = 0) => arbiter.waiting(now).map(({ vmId }) => vmId);
  /** Has the switch made that is due at `now`. */
  const give = (to: Guest, now: number) => {
    expect(arbiter.step(now)).toEqual({ do: 'switch', to });
    arbiter.begin(to);
    arbiter.done(now);
  };

  it('gives a card that nobody has at once, and does nothing while nobody asks', () => {
    expect(arbiter.step(0)).toEqual({ do: 'nothing' });
    arbiter.ask(a, 'access', 5);
    expect(arbiter.waiting(7)).toEqual([{ ...a, why: 'access', waitedMs: 2 }]);
    give(a, 7);
    expect(arbiter.holder).toEqual(a);
    expect(waiting()).toEqual([]);
    expect(arbiter.step(1_000_000)).toEqual({ do: 'nothing' });
  });

  it('leaves a card to its holder for a slice, and no longer than another waits', () => {
    arbiter.ask(a, 'access', 0);
    give(a, 0);
    arbiter.ask(b, 'access', 5);
    expect(arbiter.step(5)).toEqual({ do: 'wait', until: 20 });
    expect(arbiter.step(19.9)).toEqual({ do: 'wait', until: 20 });
    give(b, 20);
    // Nobody waited for long: the slice is over when somebody does.
    arbiter.ask(a, 'access', 500);
    give(a, 500);
  });

  it('follows a policy that changes', () => {
    arbiter.ask(a, 'access', 0);
    give(a, 0);
    arbiter.ask(b, 'access', 1);
    policy.sliceMs = 7;
    expect(arbiter.step(1)).toEqual({ do: 'wait', until: 7 });
  });

  it('serves the longest waiting first, whoever repeats itself', () => {
    for (const [at, who] of [a, b, c].entries()) arbiter.ask(who, 'access', at);
    arbiter.ask(a, 'access', 10);
    expect(waiting()).toEqual([a.vmId, b.vmId, c.vmId]);
    give(a, 10);
    arbiter.ask(b, 'frame', 11);
    expect(arbiter.waiting(11)[0]).toEqual({ ...b, why: 'access', waitedMs: 10 });
    give(b, 30);
    give(c, 50);
  });

  it('counts a frame like an access, or not', () => {
    arbiter.ask(a, 'access', 0);
    give(a, 0);
    arbiter.ask(b, 'frame', 1);
    expect(arbiter.step(20)).toEqual({ do: 'switch', to: b });
    policy.onFrame = false;
    expect(arbiter.step(20)).toEqual({ do: 'nothing' });
    arbiter.ask(c, 'access', 21);
    expect(arbiter.step(21)).toEqual({ do: 'switch', to: c });
    // At an access itself it has the place of its frame.
    arbiter.ask(b, 'access', 22);
    expect(arbiter.step(22)).toEqual({ do: 'switch', to: b });
  });

  it('gives a card that nobody has to a guest with but a frame, whatever the policy', () => {
    policy.onFrame = false;
    arbiter.ask(a, 'access', 0);
    give(a, 0);
    arbiter.ask(b, 'frame', 1);
    expect(arbiter.step(1_000)).toEqual({ do: 'nothing' });
    arbiter.release(a.vmId);
    give(b, 1_000);
  });

  it('makes one switch at a time', () => {
    arbiter.ask(a, 'access', 0);
    arbiter.begin(a);
    arbiter.ask(b, 'access', 1);
    expect(arbiter.next).toEqual(a);
    expect(arbiter.step(10_000)).toEqual({ do: 'nothing' });
    expect(() => arbiter.begin(b)).toThrow('under way already');
    arbiter.done(10_000);
    expect(arbiter.step(10_000)).toEqual({ do: 'wait', until: 10_020 });
    expect(() => arbiter.done(0)).toThrow('no switch');
    expect(() => arbiter.failed(0, false)).toThrow('no switch');
  });

  it('takes no late wish of the holder for a new one, but that of a guest that loses the card', () => {
    arbiter.ask(a, 'access', 0);
    give(a, 0);
    arbiter.ask(a, 'access', 1);
    expect(waiting()).toEqual([]);
    expect(arbiter.step(1_000)).toEqual({ do: 'nothing' });
    arbiter.seen(a.vmId);
    arbiter.ask(b, 'access', 1_000);
    arbiter.begin(b);
    expect(waiting()).toEqual([b.vmId]);
    arbiter.ask(a, 'access', 1_001);
    arbiter.seen(a.vmId);
    expect(waiting()).toEqual([b.vmId, a.vmId]);
    arbiter.done(1_002);
    expect(waiting()).toEqual([a.vmId]);
    give(a, 1_022);
  });

  it('forgets who is gone, also in the middle of a switch', () => {
    for (const who of [a, b, c]) arbiter.ask(who, 'access', 0);
    give(a, 0);
    arbiter.release(b.vmId);
    expect(waiting()).toEqual([c.vmId]);
    arbiter.release(a.vmId);
    expect(arbiter.holder).toBeNull();
    expect(arbiter.step(1)).toEqual({ do: 'switch', to: c });
    arbiter.begin(c);
    arbiter.release(c.vmId);
    arbiter.ask(a, 'access', 2);
    arbiter.done(2);
    expect(arbiter.holder).toBeNull();
    give(a, 2);
  });

  it('keeps the wish of a guest that was started anew while the switch to its last life was under way', () => {
    arbiter.ask(a, 'access', 0);
    arbiter.begin(a);
    arbiter.release(a.vmId);
    arbiter.ask(guest(1, 2), 'access', 1);
    arbiter.done(2);
    expect(arbiter.holder).toBeNull();
    give(guest(1, 2), 2);
  });

  describe('after a failed switch', () => {
    it('waits, longer each time, and lets the others have their turn', () => {
      for (const who of [a, b]) arbiter.ask(who, 'access', 0);
      let now = 0;
      for (const [who, pause] of [
        ...[[a, 100] as const, [b, 200] as const, [a, 400] as const, [b, 800] as const],
        ...[[a, 1_600] as const, [b, 2_000] as const, [a, 2_000] as const],
      ]) {
        expect(arbiter.step(now)).toEqual({ do: 'switch', to: who });
        arbiter.begin(who);
        expect(arbiter.failed(now, false)).toBe(false);
        expect(arbiter.step(now)).toEqual({ do: 'wait', until: now + pause });
        now += pause;
      }
      give(b, now);
      arbiter.release(b.vmId);
      expect(arbiter.step(now)).toEqual({ do: 'switch', to: a });
      arbiter.begin(a);
      arbiter.failed(now, false);
      expect(arbiter.step(now)).toEqual({ do: 'wait', until: now + 100 });
    });

    it('drops a guest that there is not, unless it asked meanwhile', () => {
      for (const who of [a, b]) arbiter.ask(who, 'access', 0);
      arbiter.begin(a);
      expect(arbiter.failed(0, true)).toBe(true);
      expect(waiting()).toEqual([b.vmId]);
      arbiter.begin(b);
      arbiter.ask(b, 'access', 1);
      expect(arbiter.failed(1, true)).toBe(false);
      expect(waiting()).toEqual([b.vmId]);
      expect(arbiter.step(1)).toEqual({ do: 'wait', until: 101 });
    });

    it('believes that the holder has the card still', () => {
      for (const who of [a, b]) arbiter.ask(who, 'access', 0);
      give(a, 0);
      arbiter.begin(b);
      // It stood still for a moment, and its wish crossed the failure.
      arbiter.ask(a, 'access', 21);
      arbiter.failed(22, false);
      expect(arbiter.holder).toEqual(a);
      expect(waiting()).toEqual([b.vmId]);
    });
  });

  describe('told by the host', () => {
    it('knows holder and waiters, but serves nobody whose state it does not know', () => {
      const found = [
        { ...b, why: 'access', waitedMs: 500 } as const,
        { ...c, why: 'frame', waitedMs: 100 } as const,
      ];
      arbiter.found(a, found, 1_000);
      expect(arbiter.holder).toEqual(a);
      expect(arbiter.waiting(1_000)).toEqual(found);
      expect(arbiter.step(2_000)).toEqual({ do: 'nothing' });
      // The longest waiting is served first when it is known by then.
      arbiter.ask(c, 'frame', 1_001);
      expect(arbiter.step(1_001)).toEqual({ do: 'wait', until: 1_020 });
      arbiter.ask(b, 'access', 1_002);
      give(b, 1_020);
      give(c, 1_040);
    });

    it('puts in its place who asked before the host told how long it waits', () => {
      arbiter.ask(c, 'access', 1_000);
      arbiter.ask(b, 'access', 1_001);
      const waits = [
        { ...b, why: 'access', waitedMs: 500 } as const,
        { ...c, why: 'access', waitedMs: 100 } as const,
      ];
      arbiter.found(null, waits, 1_002);
      expect(waiting()).toEqual([b.vmId, c.vmId]);
      // But not before others again when the switch to it failed.
      arbiter.begin(b);
      arbiter.failed(1_003, false);
      arbiter.found(null, waits, 1_004);
      expect(waiting()).toEqual([c.vmId, b.vmId]);
    });

    it('learns that the holder has the card no more, and does not lose its wish', () => {
      arbiter.ask(a, 'access', 0);
      give(a, 0);
      arbiter.ask(a, 'access', 1);
      arbiter.found(null, [], 2);
      expect(waiting()).toEqual([a.vmId]);
      give(a, 2);
      arbiter.ask(a, 'access', 3);
      arbiter.found(a, [], 4);
      arbiter.found(null, [], 5);
      expect(waiting()).toEqual([]);
    });

    it('keeps the holder’s slice, and forgets a wish of which it knows by hearsay only', () => {
      arbiter.found(a, [{ ...b, why: 'access', waitedMs: 0 }], 0);
      arbiter.ask(c, 'access', 1);
      arbiter.found(a, [], 10);
      expect(waiting()).toEqual([c.vmId]);
      expect(arbiter.step(10)).toEqual({ do: 'wait', until: 20 });
    });

    it('can tell whether the card moved since it asked', () => {
      const seen = new Set([arbiter.moves]);
      const moves = [
        () => arbiter.begin(a),
        () => arbiter.done(0),
        () => arbiter.begin(b),
        () => arbiter.failed(0, false),
        () => arbiter.release(a.vmId),
      ];
      for (const move of moves) {
        move();
        seen.add(arbiter.moves);
      }
      expect(seen.size).toBe(moves.length + 1);
      const { moves: before } = arbiter;
      arbiter.ask(c, 'access', 1);
      expect(arbiter.moves).toBe(before);
    });
  });
});
