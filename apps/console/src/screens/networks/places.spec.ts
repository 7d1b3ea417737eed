import { serviceMac } from '@v3vee/contracts';
import { madeRoutes, Names, placesOf } from './places';

const nic = { vm: 'a1', name: 'net0', mac: '02:00:0a:0a:00:0b' };

describe('places of routes', () => {
  it('are written as the language has them', () => {
    expect(placesOf([{ name: 'wan', type: 'udp', remote: '192.0.2.1' }], [nic])).toEqual([
      { value: 'edge wan', label: 'link, udp to 192.0.2.1' },
      { value: 'interface 02:00:0a:0a:00:0b', label: 'a1/net0' },
    ]);
  });

  it('are called by their NIC, link or access point', () => {
    const names = new Names(
      [nic],
      [{ name: 'wan', remote: '192.0.2.1' }],
      [{ name: 'home', bssid: '02:00:00:00:00:99' }],
      serviceMac(0).slice(0, 8),
    );
    expect(names.of('interface 02:00:0a:0a:00:0b')).toBe('a1/net0');
    expect(names.of('not-02:00:0a:0a:00:0b')).toBe('a1/net0');
    expect(names.of('edge 192.0.2.1')).toBe('wan');
    expect(names.of('02:00:00:00:00:99')).toBe('ap/home');
    expect(names.of(serviceMac(5))).toBe('DHCP and DNS');
    expect([names.of('any'), names.of('edge wan')]).toEqual([undefined, undefined]);
  });

  it('are counted by network, automatic ones left out', () => {
    const route = (network: string, automatic: boolean) => ({ network, automatic });
    const counts = madeRoutes([
      route('lan', false),
      route('lan', true),
      route('lan', false),
      route('wan', true),
    ]);
    expect([...counts]).toEqual([['lan', 2]]);
  });
});
