import type { PhysicalNic } from '@v3vee/contracts';
import { place, type Candidate, type Homeless } from './placement';

const host = (name: string, change: Partial<Candidate> = {}): Candidate => ({
  ...{
    name,
    complaint: '',
    cordoned: false,
    memoryFreeMiB: 512,
    memoryLargestHoleMiB: 512,
    guestPlacesFree: 4,
  },
  ...{ nics: [], uses: [], radios: [] },
  ...change,
});
const vm = (change: Partial<Homeless> = {}): Homeless => ({
  ...{ name: 'a1', memoryMiB: 64, nics: [], wifi: [] },
  ...change,
});
const card = (name: string, change: Partial<PhysicalNic> = {}): PhysicalNic => ({
  ...{ name, model: 'rtl8139', network: 'lan' },
  ...change,
});
const onCard = (access: 'vpio' | 'passthrough' = 'vpio') =>
  vm({ nics: [{ index: 0, network: 'lan', device: 'eth0', model: 'rtl8139', access }] });

describe('the place of a VM', () => {
  it('has the most free memory, then the most free cores, then the first name', () => {
    const hosts = [
      host('d'),
      host('c'),
      host('b', { guestPlacesFree: 5 }),
      host('a', { memoryFreeMiB: 511 }),
    ];
    expect(place(vm(), hosts)).toEqual({
      ...{ host: 'b', cards: new Map() },
      reason: 'b has the most free memory (512 MiB)',
    });
    expect(place(vm(), [host('d'), host('c')])).toMatchObject({ host: 'c' });
    expect(place(vm(), [host('a', { memoryFreeMiB: 513 }), ...hosts])).toMatchObject({ host: 'a' });
  });

  it.each([
    ['does not answer', { complaint: 'its kitten is silent' }, 'its kitten is silent'],
    ['is cordoned', { cordoned: true }, 'it is cordoned'],
    ['has memory in pieces', { memoryLargestHoleMiB: 63 }, 'of the 64 MiB it has 63 in one piece'],
    ['has no core', { guestPlacesFree: 0 }, 'it has no free core'],
  ])('is not a host that %s, and that is said', (_, change, why) => {
    const bad = host('bad', { memoryFreeMiB: 999, ...change });
    expect(place(vm(), [bad, host('good')])).toMatchObject({
      ...{ host: 'good', reason: `good has as the only one room (512 MiB); not bad: ${why}` },
    });
    expect(place(vm(), [bad])).toBe(`no host can take a1; not bad: ${why}`);
  });

  it('has the radios that its Wi-Fi NICs are on, by name', () => {
    const mobile = vm({
      wifi: [
        { index: 0, radio: 'radio0' },
        { index: 1, radio: 'radio1' },
      ],
    });
    const bad = host('bad', { memoryFreeMiB: 999, radios: [{ name: 'radio0' }] });
    const good = host('good', { radios: [{ name: 'radio1' }, { name: 'radio0' }] });
    expect(place(mobile, [bad, good])).toMatchObject({ host: 'good' });
    expect(place(mobile, [bad])).toBe('no host can take a1; not bad: it has no radio "radio1" for wlan1');
  });

  it('has cards of the same model on the same network, of the same name if there is one', () => {
    const cards = (nics: PhysicalNic[]) => {
      const placed = place(onCard(), [host('b', { nics })]);
      return typeof placed === 'string' ? placed : [...placed.cards.values()];
    };
    expect(cards([card('eth1'), card('eth0')])).toEqual(['eth0']);
    expect(cards([card('eth1')])).toEqual(['eth1']);
    for (const wrong of [card('eth0', { model: 'ne2000' }), card('eth0', { network: 'wan' })]) {
      expect(cards([wrong])).toContain('b: it has no free rtl8139 on network lan for net0');
    }
  });

  it('shares a card with others, unless it, or they, have it alone', () => {
    const taken = (access: 'vpio' | 'passthrough') =>
      host('b', { nics: [card('eth0')], uses: [{ vm: 'b1', device: 'eth0', access }] });
    expect(place(onCard(), [taken('vpio')])).toMatchObject({ host: 'b' });
    expect(place(onCard(), [taken('passthrough')])).toContain('no host can take a1');
    expect(place(onCard('passthrough'), [taken('vpio')])).toContain('no host can take a1');
  });
});

it('nobody is there', () => expect(place(vm(), [])).toBe('no host can take a1'));
