import { defaultNicSettings, type VnetPlace } from '@v3vee/contracts';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import type { NetworkEntity } from '../entities';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { HostRepository } from './host.repository';
import { NetworkRepository } from './network.repository';
import { VmRepository } from './vm.repository';
import { VnetLinkRepository, type NewLink } from './vnet-link.repository';
import { VnetRouteRepository, type NewRoute } from './vnet-route.repository';

let postgres: TestPostgres;
let source: DataSource;
let networks: NetworkRepository;
let links: VnetLinkRepository;
let routes: VnetRouteRepository;
let lan: NetworkEntity;
let wan: NetworkEntity;

beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  networks = new NetworkRepository(source);
  links = new VnetLinkRepository(source);
  routes = new VnetRouteRepository(source);
  lan = await networks.create({ name: 'lan', subnet: '10.0.0.0/24', managed: false });
  wan = await networks.create({ name: 'wan', subnet: null, managed: false, dhcp: true, dns: true });
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});
afterEach(async () => {
  await source.query('DELETE FROM vnet_route');
  await source.query('DELETE FROM vnet_link');
});

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: { code?: string }) => error.code,
  );
const link = (more: Partial<NewLink> = {}): NewLink => ({
  type: 'udp',
  remote: '192.0.2.1',
  networkId: lan.id,
  up: true,
  impairment: null,
  managed: false,
  ...more,
});
const nic: VnetPlace = { type: 'interface', mac: '02:00:00:00:00:01' };
const route = (more: Partial<NewRoute> = {}): NewRoute => ({
  ...{ networkId: lan.id, source: 'any', destination: nic.mac, to: nic, from: null, managed: false },
  ...more,
});

describe('links', () => {
  it('get a number, a name and the default ends; the vnet service sees them complete', async () => {
    const first = await links.create(link());
    expect(first).toMatchObject({
      name: `link-${first.index}`,
      remote: { address: '192.0.2.1', port: 9000 },
      local: { address: '127.0.0.1', port: 9000 },
      ...{ network: 'lan', vni: lan.vni, wireVni: lan.vni, up: true },
    });
    const vxlan = link({
      name: 'kernel',
      type: 'vxlan',
      remote: '2001:db8::1',
      vni: 42,
      networkId: wan.id,
    });
    const second = await links.create(vxlan);
    expect(second.index).toBeGreaterThan(first.index);
    const { networkId: _, network: __, managed: ___, createdAt: ____, ...config } = second;
    expect(config).toEqual({
      ...{ index: second.index, name: 'kernel', type: 'vxlan', mtu: 1450, up: true, impairment: null },
      remote: { address: '2001:db8::1', port: 4789 },
      local: { address: '::1', port: 4789 },
      ...{ vni: wan.vni, wireVni: 42 },
    });
    expect((await links.allConfigs())[1]).toEqual(config);
    expect(await links.find('kernel')).toEqual(second);
    expect(await links.find(String(second.index))).toEqual(second);
    expect(await links.list({ limit: 5, after: first.index })).toEqual([second]);
    for (const none of ['no', '0', '-1', '99999999999', '1.5']) expect(await links.find(none)).toBeNull();
  });

  it('of one name, or to one peer from one port, there is one', async () => {
    await links.create(link({ name: 'one' }));
    expect(await code(links.create(link({ name: 'one', remote: '192.0.2.2' })))).toBe('VNET_LINK_EXISTS');
    // Raw frames do not say of which network they are.
    expect(await code(links.create(link({ networkId: wan.id })))).toBe('VNET_LINK_EXISTS');
    expect(await code(links.create(link({ networkId: wan.id, localPort: 9001 })))).toBe('no error');
    expect(await code(links.create(link({ type: 'vxlan', vni: 1 })))).toBe('no error');
    expect(await code(links.create(link({ type: 'vxlan', vni: 2 })))).toBe('no error');
    expect(await code(links.create(link({ type: 'vxlan', vni: 2 })))).toBe('VNET_LINK_EXISTS');
  });

  it('change what is named only', async () => {
    const { index, ...before } = await links.create(link());
    expect(await links.update(index, { up: false })).toEqual({ index, ...before, up: false });
    expect(await links.update(index, {})).toMatchObject({ up: false });
    expect(await links.update(index, { impairment: { ...impaired, delayMs: 5 } })).toMatchObject({
      impairment: { delayMs: 5 },
    });
    expect(await links.update(index, { impairment: null })).toMatchObject({ impairment: null });
    expect(await code(links.update(index + 1, { up: true }))).toBe('VNET_LINK_NOT_FOUND');
  });
  const impaired = {
    ...{ delayMs: 0, jitterMs: 0, lossPercent: 0, duplicatePercent: 0, corruptPercent: 0 },
    ...{ reorderPercent: 0, rateKbit: null, seed: 1 },
  };

  it('become others under their index', async () => {
    const { index } = await links.create(link({ name: 'one', type: 'vxlan' }));
    await links.create(link({ name: 'two', remotePort: 5 }));
    expect(await links.find(index)).toMatchObject({ wireVni: lan.vni });
    await links.replace(index, { ...link({ remotePort: 6, networkId: wan.id }), name: 'one' });
    expect(await links.find('one')).toMatchObject({
      index,
      type: 'udp',
      network: 'wan',
      remote: { port: 6 },
    });
    expect(await code(links.replace(index, { ...link({ remotePort: 5 }), name: 'one' }))).toBe(
      'VNET_LINK_EXISTS',
    );
  });

  it('hold their network, and are held by routes', async () => {
    const tmp = await networks.create({ name: 'tmp', subnet: null, managed: false });
    const edge = await links.create(link({ networkId: tmp.id }));
    const { index } = await routes.create(
      route({ networkId: tmp.id, to: { type: 'edge', link: edge.index }, from: nic }),
    );
    expect(await code(links.remove(edge))).toBe('VNET_LINK_IN_USE');
    expect(await code(networks.remove(tmp))).toBe('NETWORK_IN_USE');
    expect(await routes.remove(index)).toBe(true);
    await links.remove(edge);
    await networks.remove(tmp);
  });
});

describe('routes', () => {
  it('come back as rules, in order, under numbers that are not given twice', async () => {
    const edge = await links.create(link());
    const made = [
      await routes.create(route()),
      await routes.create(
        route({ source: `not-${nic.mac}`, to: { type: 'edge', link: edge.index }, from: nic }),
      ),
      await routes.create(route({ networkId: wan.id, from: { type: 'edge', link: edge.index } })),
    ];
    expect((await routes.allRules()).map(({ index }) => index)).toEqual(made.map(({ index }) => index));
    expect((await routes.allRules())[1]).toEqual({
      ...{ index: made[1]!.index, vni: lan.vni, source: `not-${nic.mac}`, destination: nic.mac },
      to: { type: 'edge', link: edge.index },
      from: nic,
    });
    expect(await routes.list({ limit: 9, network: 'wan' })).toEqual([made[2]]);
    expect(await routes.list({ limit: 1, after: made[0]!.index })).toEqual([made[1]]);
    expect(await routes.remove(made[2]!.index)).toBe(true);
    expect(await routes.remove(made[2]!.index)).toBe(false);
    expect((await routes.create(route({ networkId: wan.id }))).index).toBeGreaterThan(made[2]!.index);
    for (const none of [0, -1, 1.5, 2 ** 40, NaN]) expect(await routes.find(none)).toBeNull();
  });

  it('are the same only if all fields are', async () => {
    await routes.create(route());
    expect(await code(routes.create(route()))).toBe('VNET_ROUTE_EXISTS');
    expect(await code(routes.create(route({ from: nic })))).toBe('no error');
    expect(await code(routes.create(route({ from: nic })))).toBe('VNET_ROUTE_EXISTS');
    expect(await code(routes.create(route({ to: { type: 'edge', link: 0x7fffffff } })))).toBe(
      'VNET_LINK_NOT_FOUND',
    );
  });

  it('go with their network, and in a transaction that fails nothing stays', async () => {
    const tmp = await networks.create({ name: 'tmp', subnet: null, managed: false });
    await routes.create(route({ networkId: tmp.id }));
    await networks.remove(tmp);
    const twice = source.transaction(async manager => {
      await routes.create(route(), manager);
      await routes.create(route(), manager);
    });
    expect(await code(twice)).toBe('VNET_ROUTE_EXISTS');
    expect(await routes.all()).toEqual([]);
  });
});

describe('what is set of a NIC', () => {
  it('is kept as far as it was named, and complete for who reads it', async () => {
    await new HostRepository(source).save({ name: 'alpha', memoryMiB: 64, cores: 1, nics: [], radios: [] });
    const vms = new VmRepository(source);
    const vm = await vms.create({
      ...{ name: 'a1', host: 'alpha', memoryMiB: 64, image: 'debian', autostart: false, boot: 'template' },
      managed: false,
      nics: [
        { networkId: lan.id, mac: nic.mac, ip: null },
        { networkId: wan.id, mac: '02:00:00:00:00:02', ip: null, settings: { mode: 'adaptive' } },
      ],
    });
    expect(vm.nics.map(({ settings }) => settings)).toEqual([
      defaultNicSettings,
      { ...defaultNicSettings, mode: 'adaptive' },
    ]);
    const patched = await vms.setNic(vm, 1, { linkUp: false });
    expect(patched.settings).toEqual({ ...defaultNicSettings, mode: 'adaptive', linkUp: false });
    expect((await vms.get(vm.id))?.nics[1]).toEqual(patched);
    expect(await code(vms.setNic(vm, 2, {}))).toBe('NIC_NOT_FOUND');
    expect(await networks.find('wan')).toMatchObject({ dhcp: true, dns: true });
    await networks.update(wan.id, { dns: false });
    expect(await networks.find('wan')).toMatchObject({ dhcp: true, dns: false });
  });
});
