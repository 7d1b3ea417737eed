import { madeRoutes, nameOf, placesOf } from './places';

const nic = { vm: 'a1', name: 'net0', mac: '02:00:0a:0a:00:0b' };

describe('places of routes', () => {
  it('are written as the language has them', () => {
    expect(placesOf([{ name: 'wan', type: 'udp', remote: '192.0.2.1' }], [nic])).toEqual([
      { value: 'edge wan', label: 'link, udp to 192.0.2.1' },
      { value: 'interface 02:00:0a:0a:00:0b', label: 'a1/net0' },
    ]);
  });

  it('are called by their NIC', () => {
    expect(nameOf('interface 02:00:0a:0a:00:0b', [nic])).toBe('a1/net0');
    expect(nameOf('not-02:00:0a:0a:00:0b', [nic])).toBe('a1/net0');
    expect([nameOf('any', [nic]), nameOf('edge wan', [nic])]).toEqual([undefined, undefined]);
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
