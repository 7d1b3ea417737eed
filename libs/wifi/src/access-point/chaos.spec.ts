import { Chaos } from './testing/chaos.fixture';

describe('an access point among stations that do anything', () => {
  it.each([
    ['WPA2', 1],
    ['WPA2', 2],
    ['open', 3],
  ])('keeps its promises (%s, seed %d)', (security, seed) => {
    const chaos = new Chaos(seed, security === 'WPA2');
    for (let i = 0; i < 2_000; i++) chaos.step();
    const { handshakes, groupKeys, rx, tx, txGroup, dropped } = chaos.cell.ap.counters;
    // That it was not kept by nothing happening.
    const always = ['malformed', 'not-associated', 'duplicate', 'fragment'] as const;
    const secured = ['replay', 'mic', 'unprotected', 'eapol'] as const;
    const happened = { rx, tx, txGroup, ...(security === 'WPA2' ? { handshakes, groupKeys } : {}) };
    for (const reason of [...always, ...(security === 'WPA2' ? secured : [])]) {
      Object.assign(happened, { [reason]: dropped[reason] });
    }
    expect(Object.entries(happened).filter(([, count]) => count === 0)).toEqual([]);
    chaos.settle();
  });
});
