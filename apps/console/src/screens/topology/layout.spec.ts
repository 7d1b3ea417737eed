import type {
  AccessPoint,
  DmmDevice,
  Host,
  Network,
  RadioView,
  Station,
  Vm,
  VnetLink,
} from '@v3vee/contracts';
import { hostAt, layoutOf, type Box, type Drawn } from './layout';

const nic = (network: string, device: string | null = null) => ({
  name: 'eth0',
  network,
  device,
  settings: { linkUp: true },
});
const vm = (name: string, host: string, ...nics: ReturnType<typeof nic>[]) =>
  ({ name, host, nics }) as unknown as Vm;
const drawn = (more: Partial<Drawn>): Drawn => ({
  hosts: [{ name: 'alpha' }, { name: 'beta' }] as Host[],
  vms: [],
  networks: [{ name: 'lan' }, { name: 'wan' }] as Network[],
  links: [],
  devices: [],
  radios: [],
  accessPoints: [],
  stations: [],
  ...more,
});
const isInside = (inner: Box, outer: Box) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.w <= outer.x + outer.w &&
  inner.y + inner.h <= outer.y + outer.h;

describe('the layout of the topology', () => {
  it('puts VMs into their hosts, side by side, and none over another', () => {
    const vms = Array.from({ length: 20 }, (_, n) => vm(`v${n}`, n % 2 ? 'alpha' : 'beta', nic('lan')));
    const { hosts, width, height } = layoutOf(drawn({ vms }), 900);
    expect(hosts.map(({ rows }) => rows.length)).toEqual([10, 10]);
    for (const host of hosts) {
      const rows = [...host.rows].sort((a, b) => a.y - b.y);
      for (const row of rows) expect(isInside(row, host)).toBe(true);
      rows
        .slice(1)
        .forEach((row, index) => expect(row.y).toBeGreaterThanOrEqual(rows[index]!.y + rows[index]!.h));
      expect(isInside(host, { x: 0, y: 0, w: width, h: height })).toBe(true);
    }
    expect(hosts[1]!.x).toBeGreaterThan(hosts[0]!.x + hosts[0]!.w);
    expect(new Set(hosts.map(({ h }) => h)).size).toBe(1);
  });

  it('leads a trunk from a host to each network that it uses, with a tap for each NIC', () => {
    const vms = [
      vm('a1', 'alpha', nic('lan'), nic('wan')),
      vm('a2', 'alpha', nic('lan')),
      vm('b1', 'beta', nic('wan')),
    ];
    const { trunks, buses } = layoutOf(drawn({ vms }), 900);
    expect(trunks.map(({ host, network, taps }) => [host, network, taps.length])).toEqual([
      ['alpha', 'lan', 2],
      ['alpha', 'wan', 1],
      ['beta', 'wan', 1],
    ]);
    for (const { network, bottom, top, x, taps } of trunks) {
      expect(bottom).toBe(buses.find(bus => bus.network.name === network)?.y);
      for (const tap of taps) {
        expect(tap.y).toBeGreaterThanOrEqual(top);
        expect(tap.x).toBeGreaterThan(x);
      }
    }
    expect(new Set(trunks.filter(({ host }) => host === 'alpha').map(({ x }) => x)).size).toBe(2);
  });

  it('a NIC on a card of the host is on the network through the card’s cable', () => {
    const devices = [{ name: 'alpha/eth0', host: 'alpha', network: 'wan' }] as DmmDevice[];
    const { trunks } = layoutOf(drawn({ vms: [vm('a1', 'alpha', nic('wan', 'eth0'))], devices }), 900);
    expect(trunks.map(({ taps }) => taps.map(({ key }) => key))).toEqual([['alpha/eth0']]);
  });

  it('hangs links and access points below their networks, and joins radios to access points once each', () => {
    const station = (name: string) =>
      ({ name, radio: 'alpha/radio0', status: { accessPoint: 'ap/home' } }) as unknown as Station;
    const { hanging, air, height, buses } = layoutOf(
      drawn({
        links: [{ name: 'site', network: 'wan' }] as VnetLink[],
        accessPoints: [{ name: 'home', network: 'lan' }] as AccessPoint[],
        radios: [{ id: 'alpha/radio0', host: 'alpha' }] as RadioView[],
        stations: [station('a1/wlan0'), station('a2/wlan0')],
      }),
      900,
    );
    expect(hanging.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['link site', 'access-point home']);
    for (const node of hanging) {
      expect(node.y).toBeGreaterThan(Math.max(...buses.map(({ y }) => y)));
      expect(node.y + node.h).toBeLessThanOrEqual(height);
    }
    expect(air.map(({ key }) => key)).toEqual(['alpha/radio0 home']);
  });

  it('is as wide as it must be, and tells which host is at a place', () => {
    const layout = layoutOf(drawn({}), 300);
    expect(layout.width).toBeGreaterThan(300);
    const [alpha, beta] = layout.hosts;
    expect(hostAt(layout, beta!.x + 5, 20)?.host.name).toBe('beta');
    expect(hostAt(layout, alpha!.x + alpha!.w + 5, 20)).toBeUndefined();
  });

  it('draws nothing of nothing', () => {
    expect(layoutOf(drawn({ hosts: [], networks: [] }), 900)).toMatchObject({
      hosts: [],
      trunks: [],
      hanging: [],
    });
  });
});
