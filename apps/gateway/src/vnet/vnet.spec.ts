import {
  defaultNicSettings,
  type List,
  type Problem,
  type Vm,
  type VnetInterface,
  type VnetLink,
  type VnetRoute,
  type VnetStats,
} from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { ScriptedVnet } from '../testing/scripted-vnet.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const mac = '02:00:00:00:00:01';
const other = '02:00:00:00:00:02';

describe('the overlay', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vnet: ScriptedVnet;
  let a1: Vm;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    vnet = await new ScriptedVnet(gateway.bus, gateway.dataSource).start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    await gateway.ok('post', '/v1/networks', { name: 'lan', subnet: '10.0.0.0/24', dhcp: true, dns: true });
    await gateway.ok('post', '/v1/networks', { name: 'dmz' });
    const nics = [
      { network: 'lan', mac },
      { network: 'dmz', mac: other },
    ];
    a1 = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics });
    const [{ vni }] = await gateway.dataSource.query(`SELECT vni FROM network WHERE name = 'lan'`);
    vnet.automatic = [{ vni, mac, host: 'alpha', to: { type: 'interface', mac } }];
  });
  afterAll(() => gateway?.stop());
  afterEach(async () => {
    vnet.stop();
    await vnet.start();
    await gateway.dataSource.query('DELETE FROM vnet_route');
    await gateway.dataSource.query('DELETE FROM vnet_link');
  });

  const refused = async (method: 'post' | 'patch' | 'delete', path: string, body?: object) =>
    (await gateway.call(method, path, body)).body as Problem;
  const addLink = (more: object = {}) =>
    gateway.ok<VnetLink>('post', '/v1/vnet/links', {
      name: 'wan',
      remote: '192.0.2.1',
      network: 'lan',
      ...more,
    });
  const routes = async () => (await gateway.ok<List<VnetRoute>>('get', '/v1/vnet/routes')).items;

  describe('networks', () => {
    it('say where their services answer, and are refused services that they cannot have', async () => {
      expect(await gateway.ok('get', '/v1/networks/lan')).toMatchObject({
        dhcp: true,
        dns: true,
        serviceAddress: '10.0.0.1',
      });
      expect(await gateway.ok('get', '/v1/networks/dmz')).toMatchObject({
        dhcp: false,
        serviceAddress: null,
      });
      expect(await refused('post', '/v1/networks', { name: 'x', dhcp: true })).toMatchObject({
        code: 'INVALID_REQUEST',
        errors: [{ path: 'subnet', message: expect.stringContaining('DHCP needs a subnet') }],
      });
      const nics = [
        { network: 'lan', ip: '10.0.0.1/24' },
        { network: 'lan', mac: '0a:56:33:00:00:01' },
      ];
      expect((await refused('post', '/v1/vms', { name: 'x', host: 'alpha', nics })).errors).toMatchObject([
        { path: 'nics[0].ip' },
        { path: 'nics[1].mac' },
      ]);
    });
  });

  describe('routes', () => {
    it('are of the network of what they name, and in force when they are answered', async () => {
      const link = await addLink();
      const route = await gateway.ok<VnetRoute>('post', '/v1/vnet/routes', {
        source: `NOT-${mac}`,
        to: 'edge wan',
        from: `Interface ${mac.toUpperCase()}`,
      });
      expect(route).toEqual({
        ...{ index: expect.any(Number), network: 'lan', automatic: false, createdAt: expect.any(String) },
        ...{ source: `not-${mac}`, destination: 'any', to: 'edge 192.0.2.1', from: `interface ${mac}` },
        text: `ADD not-${mac} any edge 192.0.2.1 interface ${mac}`,
      });
      expect(vnet.rules).toMatchObject([
        { index: route.index, source: `not-${mac}`, to: { link: link.index }, from: { mac } },
      ]);
      expect(await gateway.ok('get', `/v1/vnet/routes/${route.index}`)).toEqual(route);
      expect(await routes()).toMatchObject([
        { index: route.index },
        { index: null, automatic: true, network: 'lan', text: `ADD any ${mac} interface ${mac} any` },
      ]);
      const first = await gateway.ok<List<VnetRoute>>('get', '/v1/vnet/routes?pageSize=1');
      expect(first.items).toMatchObject([{ index: route.index }]);
      const next = `/v1/vnet/routes?pageSize=1&pageToken=${first.nextPageToken}`;
      expect(await gateway.ok('get', next)).toMatchObject({
        items: [{ automatic: true }],
        nextPageToken: '',
      });
      await gateway.ok('delete', `/v1/vnet/routes/${route.index}`);
      expect(vnet.rules).toEqual([]);
      expect(await refused('delete', `/v1/vnet/routes/${route.index}`)).toMatchObject({
        code: 'VNET_ROUTE_NOT_FOUND',
      });
      expect(await refused('delete', '/v1/vnet/routes/x')).toMatchObject({ code: 'VNET_ROUTE_NOT_FOUND' });
    });

    it('are refused where they lead nowhere, and what there is is named', async () => {
      await addLink({ network: 'dmz' });
      const add = (body: object) => refused('post', '/v1/vnet/routes', body);
      expect(await add({ to: 'interface 02:00:00:00:00:99' })).toMatchObject({
        code: 'NIC_NOT_FOUND',
        detail: expect.stringContaining(`${mac} (a1/net0)`),
      });
      expect(await add({ to: 'edge lan' })).toMatchObject({
        code: 'VNET_LINK_NOT_FOUND',
        detail: expect.stringContaining('links are: wan (192.0.2.1)'),
      });
      expect(await add({ to: `interface ${mac}`, from: 'edge wan' })).toMatchObject({
        code: 'INVALID_REQUEST',
        errors: [
          { path: 'from', message: expect.stringContaining('both ends of a route are on one network') },
        ],
      });
      expect(await add({ to: `interface ${mac}`, network: 'dmz' })).toMatchObject({
        errors: [{ path: 'network' }],
      });
      expect(await add({ to: `interface ${mac}`, network: 'none' })).toMatchObject({
        code: 'NETWORK_NOT_FOUND',
      });
      expect(await add({ to: 'nowhere' })).toMatchObject({ code: 'INVALID_REQUEST' });
      await gateway.ok('post', '/v1/vnet/routes', { to: `interface ${mac}` });
      expect(await add({ to: `interface ${mac}` })).toMatchObject({ code: 'VNET_ROUTE_EXISTS' });
    });

    it('are kept while the vnet service is away', async () => {
      vnet.stop();
      await gateway.ok('post', '/v1/vnet/routes', { to: `interface ${mac}` });
      expect(await routes()).toMatchObject([{ automatic: false }]);
    });
  });

  describe('links', () => {
    it('show what is wanted and what is', async () => {
      const link = await addLink({ type: 'vxlan', vni: 42 });
      expect(link).toMatchObject({
        ...{ name: 'wan', type: 'vxlan', remotePort: 4789, local: '127.0.0.1', localPort: 4789, vni: 42 },
        ...{ mtu: 1450, up: true, state: 'UP', text: 'ADD 192.0.2.1 4789 vxlan' },
      });
      const reloads = vnet.reloads;
      const path = `/v1/vnet/links/${link.index}`;
      const changed = await gateway.ok('patch', path, { up: false, impairment: { delayMs: 5 } });
      expect(changed).toMatchObject({ up: false, state: 'DOWN', impairment: { delayMs: 5, lossPercent: 0 } });
      expect(vnet.reloads).toBe(reloads + 1);
      expect(await gateway.ok('patch', path, { impairment: null })).toMatchObject({
        up: false,
        impairment: null,
      });
      vnet.stop();
      expect(await gateway.ok('get', '/v1/vnet/links/wan')).toMatchObject({
        state: 'UNKNOWN',
        counters: null,
      });
    });

    it('are held by routes, and hold their network', async () => {
      await addLink();
      const { index } = await gateway.ok<VnetRoute>('post', '/v1/vnet/routes', { to: 'edge wan' });
      expect(await refused('delete', '/v1/vnet/links/wan')).toMatchObject({
        code: 'VNET_LINK_IN_USE',
        detail: expect.stringContaining(`: ${index}`),
      });
      await gateway.ok('delete', `/v1/vnet/routes/${index}`);
      await gateway.ok('delete', '/v1/vnet/links/wan');
      expect(await refused('delete', '/v1/vnet/links/wan')).toMatchObject({ code: 'VNET_LINK_NOT_FOUND' });
    });

    it.each([
      [{ remote: '192.0.2.1' }, 'INVALID_REQUEST', 'say which network it joins; networks are: dmz, lan'],
      [{ remote: '192.0.2.1', network: 'x' }, 'NETWORK_NOT_FOUND', 'networks are: dmz, lan'],
      [{ remote: 'host', network: 'lan' }, 'INVALID_REQUEST', 'an IPv4 or IPv6 address is needed'],
      [{ remote: '::1', local: '127.0.0.1', network: 'lan' }, 'INVALID_REQUEST', 'local: 127.0.0.1 is IPv4'],
      [{ remote: '192.0.2.1', network: 'lan', name: '7' }, 'INVALID_REQUEST', 'not a number'],
    ])('%j is refused', async (body, code, detail) => {
      expect(await refused('post', '/v1/vnet/links', body)).toMatchObject({
        code,
        detail: expect.stringContaining(detail),
      });
    });
  });

  describe('the original language', () => {
    const path = '/v1/vnet/control';
    const send = (text: string, query = '') =>
      gateway
        .call('post', path + query)
        .type('text/plain')
        .send(text as never);
    const listing = async () => (await gateway.call('get', path)).text;

    it('adds, lists and deletes, and says what it did', async () => {
      const added = await send(
        `# a link, and a route over it\nadd 192.0.2.1 9000\r\nADD any any EDGE 192.0.2.1 interface ${mac}`,
        '?network=lan',
      );
      expect(added.status).toBe(200);
      expect(added.type).toBe('text/plain');
      const [, link, route] =
        /^added link (\d+): 192\.0\.2\.1 9000 udp\nadded route (\d+): (?:.*)\n$/.exec(added.text) ?? [];
      expect(await listing()).toBe(
        `# routes\n${route}: any any edge 192.0.2.1 interface ${mac}\n# links\n${link}: 192.0.2.1 9000 udp\n`,
      );
      expect(vnet.rules).toHaveLength(1);
      const deleted = await send(`DEL ${route}\nDEL LINK ${link}`);
      expect(deleted.text).toMatch(new RegExp(`^deleted route ${route}: .*\\ndeleted link ${link}: .*\\n$`));
      expect(await listing()).toBe('# routes\n# links\n');
      expect((await send('')).text).toBe('');
    });

    it('does all of a text or nothing, and says where it is wrong', async () => {
      const good = `ADD any ${mac} interface ${mac} any`;
      const cases: [string, string, number, number][] = [
        [`${good}\n  ADD any any`, 'VNET_CONTROL_INVALID', 2, 15],
        [`${good}\nADD any any edge wan any`, 'VNET_LINK_NOT_FOUND', 2, 13],
        [`${good}\nADD any any interface ${mac} interface ${other}`, 'INVALID_REQUEST', 2, 41],
        [`${good}\n\n ${good}`, 'VNET_ROUTE_EXISTS', 3, 2],
        [`${good}\nDEL 2147483647`, 'VNET_ROUTE_NOT_FOUND', 2, 1],
      ];
      for (const [text, code, line, column] of cases) {
        const { body } = await send(text);
        expect(body).toMatchObject({ code, errors: [{ line, column }] });
        expect(body.detail).toContain(`line ${line}, column ${column}: `);
      }
      expect(await listing()).toBe('# routes\n# links\n');
    });

    it('takes a repeat once, and says when it is not in force yet', async () => {
      vnet.stop();
      const again = '?requestId=0b54ed2c-6c9e-4c8a-9d3e-0a4cf7d5b1aa';
      const first = await send(`ADD any any interface ${mac} any`, again);
      expect(first.text).toContain('# the vnet service does not answer now');
      expect((await send(`ADD any any interface ${mac} any`, again)).text).toBe(first.text);
      expect((await send('DEL 1', again)).body).toMatchObject({ code: 'REQUEST_ID_REUSED' });
    });

    it('refuses what is no text, too much, or asked for strangely', async () => {
      expect((await send(`#${'x'.repeat(1024 * 1024)}`)).body).toMatchObject({ code: 'BODY_TOO_LARGE' });
      expect((await send('DEL 1', '?nonsense=1')).body).toMatchObject({ code: 'INVALID_REQUEST' });
      const encoded = await gateway.call('post', '/v1/vnet/%63ontrol', { DEL: 1 });
      expect(encoded.body).toMatchObject({ code: 'ROUTE_NOT_FOUND' });
      expect((await gateway.call('post', path).set('Authorization', '')).body).toMatchObject({
        code: 'UNAUTHENTICATED',
      });
    });
  });

  describe('interfaces', () => {
    const patch = (nic: string, body: object) =>
      gateway.ok<VnetInterface>('patch', `/v1/vms/a1/nics/${nic}`, body);
    const toPalacios = () =>
      alpha.calls.filter(({ verb }) => verb === 'setNic').map(({ request }) => request);

    it('are listed with their settings and whether the overlay has them', async () => {
      const all = await gateway.ok<List<VnetInterface>>('get', '/v1/vnet/interfaces');
      expect(all.items).toEqual([
        {
          vm: 'a1',
          name: 'net0',
          mac,
          network: 'lan',
          host: 'alpha',
          attached: true,
          settings: defaultNicSettings,
        },
        {
          vm: 'a1',
          name: 'net1',
          mac: other,
          network: 'dmz',
          host: 'alpha',
          attached: false,
          settings: defaultNicSettings,
        },
      ]);
      const first = await gateway.ok<List<VnetInterface>>('get', '/v1/vnet/interfaces?pageSize=1');
      const next = await gateway.ok('get', `/v1/vnet/interfaces?pageToken=${first.nextPageToken}`);
      expect(next).toMatchObject({ items: [{ name: 'net1' }], nextPageToken: '' });
    });

    it('change what is named; a machine that runs hears of all of it', async () => {
      expect(await patch('eth1', { mode: 'adaptive' })).toMatchObject({
        name: 'net1',
        settings: { mode: 'adaptive', linkUp: true },
      });
      expect(toPalacios()).toEqual([]);
      await gateway.operate('post', '/v1/vms/a1:start');
      const settings = { ...defaultNicSettings, mode: 'adaptive', linkUp: false };
      expect(await patch('1', { linkUp: false })).toMatchObject({ settings });
      expect(toPalacios()).toEqual([{ vmId: a1.id, nic: 1, settings }]);
      const { nics } = await gateway.ok<Vm>('get', '/v1/vms/a1');
      expect(nics[1]?.settings).toEqual(settings);
      // The whole definition again, with one setting more: nothing is replaced under the running machine.
      const again = [{ network: 'lan' }, { network: 'dmz', settings: { spoofGuard: true } }];
      const updated = await gateway.ok<Vm>('patch', '/v1/vms/a1', { nics: again });
      expect(updated.nics).toMatchObject([
        { mac },
        { mac: other, settings: { ...settings, spoofGuard: true } },
      ]);
      expect(toPalacios().slice(1)).toEqual([
        { vmId: a1.id, nic: 1, settings: { ...settings, spoofGuard: true } },
      ]);
    });

    it('that there are not, and settings that there are not, are refused', async () => {
      expect(await refused('patch', '/v1/vms/a1/nics/net2', {})).toMatchObject({
        code: 'NIC_NOT_FOUND',
        detail: 'a1 has no NIC "net2"; its NICs are: net0, net1',
      });
      expect(await refused('patch', '/v1/vms/a2/nics/net0', {})).toMatchObject({ code: 'VM_NOT_FOUND' });
      for (const body of [{ mode: 'fast' }, { impairment: { lossPercent: 101 } }, { colour: 'red' }]) {
        expect(await refused('patch', '/v1/vms/a1/nics/net0', body)).toMatchObject({
          code: 'INVALID_REQUEST',
        });
      }
    });
  });

  it('statistics come from all who count, and who does not answer is named', async () => {
    const link = await addLink();
    expect(await gateway.ok<VnetStats>('get', '/v1/vnet/stats')).toEqual({
      cores: [
        { host: 'alpha', cached: 2, counters: { rx: 3 } },
        { host: '_links', cached: 1, counters: { rx: 5 } },
      ],
      router: { routes: 0 },
      links: [expect.objectContaining({ index: link.index, name: 'wan', state: 'UP' })],
      unreachable: [],
    });
    vnet.stop();
    alpha.stop();
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'NOT_READY');
    expect(await gateway.ok<VnetStats>('get', '/v1/vnet/stats')).toEqual({
      ...{ cores: [], router: null, links: [], unreachable: ['alpha', 'vnet'] },
    });
    // What may run there would not hear of it.
    expect(await refused('patch', '/v1/vms/a1/nics/net0', { linkUp: false })).toMatchObject({
      code: 'HOST_NOT_READY',
    });
  });
});
