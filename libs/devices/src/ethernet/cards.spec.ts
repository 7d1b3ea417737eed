import { actions, attack, compareTwins, outcome, RIGS } from './cards.fixture';

/** Promises that hold for every card, checked over random sequences; with ever new seeds in `cards.soak.spec.ts`. */

describe.each(Object.keys(RIGS))('%s', kind => {
  it('faults or works on, whatever its driver does, in bounded steps', () => {
    const reached: Record<string, number> = { sent: 0, faults: 0, violations: 0 };
    for (let seed = 1; seed <= 40; seed++) {
      const { metrics, ...counts } = attack(kind, seed, 400);
      for (const [name, count] of Object.entries({ ...metrics, ...counts })) {
        reached[name] = (reached[name] ?? 0) + count;
      }
    }
    // the sequences get somewhere
    const master = kind !== 'ne2000';
    const expected = ['sent', 'faults', 'rxPackets', 'rxMissed', 'txLoopback', 'interrupts', 'resets'];
    for (const name of [...expected, ...(master ? ['violations', 'dmaReads', 'dmaWrites'] : [])]) {
      expect([name, reached[name]! > 0]).toEqual([name, true]);
    }
  });

  it('is the same after save and restore, and behaves the same from then on', () => {
    for (let seed = 200; seed < 220; seed++) compareTwins(kind, seed, 200);
  });

  it('refuses a state of another card and changes nothing', () => {
    const rig = RIGS[kind]!();
    for (const act of actions(kind, 1, 100)) outcome(rig, act);
    const before = rig.card.save();
    for (const other of Object.keys(RIGS).filter(name => name !== kind)) {
      expect(() => rig.card.restore(RIGS[other]!().card.save())).toThrow('saved state refused');
    }
    for (const broken of [undefined, null, 7, 'state', {}, { ...before, version: 99 }]) {
      expect(() => rig.card.restore(broken)).toThrow('saved state refused');
    }
    expect(rig.card.save()).toEqual(before);
  });
});
