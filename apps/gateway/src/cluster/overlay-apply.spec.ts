import type { ApplyResult, List, Network, Vm, VnetLink, VnetRoute } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { ScriptedVnet } from '../testing/scripted-vnet.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const mac = '02:00:00:00:00:01';

describe('the overlay of a cluster file', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vnet: ScriptedVnet;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    vnet = await new ScriptedVnet(gateway.bus, gateway.dataSource).start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
  });
  afterAll(() => gateway?.stop());
  // Each test begins with nothing but the host.
  beforeEach(async () => {
    for (const table of ['vnet_route', 'vnet_link', 'vm', 'network']) {
      await gateway.dataSource.query(`DELETE FROM ${table}`);
    }
    alpha.calls.length = 0;
  });

  const nic = { network: 'lan', mac };
  const cluster = (vnetEntry: object, more: object = {}) => ({
    hosts: { alpha: null },
    networks: { lan: { subnet: '10.0.0.0/24' } },
    vms: { a1: { host: 'alpha', nics: [nic] } },
    vnet: vnetEntry,
    ...more,
  });
  const both = {
    links: {
      wan: { remote: '192.0.2.1' },
      kernel: { type: 'vxlan', remote: '127.0.0.1', remotePort: 4790, vni: 42 },
    },
    routes: [
      `ADD any any edge wan interface ${mac}`,
      { destination: mac, to: `interface ${mac}`, from: 'edge kernel' },
    ],
  };
  const changes = async (body: object) => {
    const { error, response } = await gateway.operate('post', '/v1/cluster:apply', body);
    expect(error).toBeNull();
    return (response as ApplyResult).changes.map(({ action, resource, detail }) =>
      `${action} ${resource.replace(/routes\/\d+/, 'routes/N')} ${detail}`.trim(),
    );
  };
  const links = async () => (await gateway.ok<List<VnetLink>>('get', '/v1/vnet/links')).items;
  const routes = async () => (await gateway.ok<List<VnetRoute>>('get', '/v1/vnet/routes')).items;

  it('is made, in force before the VMs start, and not made twice', async () => {
    expect(await changes(cluster(both))).toEqual([
      'create networks/lan 10.0.0.0/24',
      'create vms/a1 64 MiB on alpha',
      'create vnet/links/wan 192.0.2.1 9000 udp',
      'create vnet/links/kernel 127.0.0.1 4790 vxlan',
      `create vnet/routes/N any any edge 192.0.2.1 interface ${mac}`,
      `create vnet/routes/N any ${mac} interface ${mac} edge 127.0.0.1`,
      'start vms/a1 on alpha',
    ]);
    expect(vnet.rules).toHaveLength(2);
    const reloads = vnet.reloads;
    expect(await changes(cluster(both))).toEqual([]);
    expect(vnet.reloads).toBe(reloads);
  });

  it('changes links under their index, and leaves what it does not say as it is', async () => {
    await changes(cluster(both));
    const before = await links();
    await gateway.ok('patch', '/v1/vnet/links/wan', { up: false, impairment: { delayMs: 5 } });
    expect(await changes(cluster(both))).toEqual([]);
    const other = { ...both, links: { ...both.links, wan: { remote: '192.0.2.9', mtu: 1400, up: true } } };
    expect(await changes(cluster(other))).toEqual([
      'update vnet/links/wan link 192.0.2.1 9000 udp → 192.0.2.9 9000 udp, mtu 1500 → 1400, up false → true',
    ]);
    expect((await links())[0]).toMatchObject({ index: before[0]?.index, impairment: { delayMs: 5 } });
    expect(await routes()).toHaveLength(2);
    expect(await changes(cluster(other))).toEqual([]);
  });

  it('removes what is no longer declared, and takes a link under another name for what it is', async () => {
    await changes(cluster(both));
    const renamed = { links: { site: both.links.wan }, routes: [`any any edge site interface ${mac}`] };
    expect(await changes(cluster(renamed))).toEqual([
      'delete vnet/routes/N',
      'delete vnet/links/wan',
      'delete vnet/routes/N',
      'delete vnet/links/kernel',
      'create vnet/links/site 192.0.2.1 9000 udp',
      `create vnet/routes/N any any edge 192.0.2.1 interface ${mac}`,
    ]);
    expect(await changes({ hosts: { alpha: null } })).toEqual([
      'stop vms/a1 on alpha',
      'delete vms/a1',
      'delete vnet/routes/N',
      'delete vnet/links/site',
      'delete networks/lan',
    ]);
    expect(await links()).toEqual([]);
    expect(vnet.rules).toEqual([]);
  });

  it('leaves alone what was made by hand, adopts what is declared, and does not break either', async () => {
    await changes(cluster({ links: both.links }));
    await gateway.ok('post', '/v1/vnet/links', { name: 'mine', remote: '192.0.2.7', network: 'lan' });
    const refused = async (body: object) => (await gateway.call('post', '/v1/cluster:apply', body)).body;
    expect(await refused({ hosts: { alpha: null } })).toMatchObject({ code: 'NETWORK_IN_USE' });
    const text = `ADD any any edge wan interface ${mac}`;
    await gateway
      .call('post', '/v1/vnet/control')
      .type('text/plain')
      .send(text as never)
      .expect(200);
    expect(await changes(cluster({ links: both.links }))).toEqual([]);
    expect(await refused(cluster({ links: { kernel: both.links.kernel } }))).toMatchObject({
      code: 'VNET_LINK_IN_USE',
      detail: expect.stringContaining(
        'link wan is not declared any more, but routes made by hand lead over it',
      ),
    });
    expect(
      await changes(cluster({ links: { ...both.links, mine: { remote: '192.0.2.7' } }, routes: [text] })),
    ).toEqual([
      'update vnet/links/mine now managed by the cluster file',
      'update vnet/routes/N now managed by the cluster file',
    ]);
  });

  it('changes settings of NICs while their VM runs, and services of networks', async () => {
    await changes(cluster({}));
    const settings = { mode: 'adaptive', impairment: { lossPercent: 1 } };
    const body = cluster(
      {},
      {
        networks: { lan: { subnet: '10.0.0.0/24', dhcp: true } },
        vms: { a1: { host: 'alpha', nics: [{ ...nic, settings }] } },
      },
    );
    const reloads = vnet.reloads;
    expect(await changes(body)).toEqual([
      'update networks/lan dhcp false → true',
      'update vms/a1 net0: mode guest-driven → adaptive, impairment',
    ]);
    expect(vnet.reloads).toBe(reloads + 1);
    expect(alpha.verbs().slice(-1)).toEqual(['setNic']);
    expect(alpha.verbs()).not.toContain('stop');
    expect((await gateway.ok<Vm>('get', '/v1/vms/a1')).nics[0]?.settings).toMatchObject({
      ...{ mode: 'adaptive', impairment: { lossPercent: 1, delayMs: 0 } },
    });
    expect(await gateway.ok<Network>('get', '/v1/networks/lan')).toMatchObject({
      serviceAddress: '10.0.0.1',
    });
    expect(await changes(body)).toEqual([]);
    // What is not named stays.
    expect(await changes(cluster({}, { networks: { lan: { subnet: '10.0.0.0/24', dhcp: true } } }))).toEqual(
      [],
    );
  });

  it('is refused as a whole where it is wrong', async () => {
    const response = await gateway.call(
      'post',
      '/v1/cluster:apply',
      cluster({ routes: ['any any edge wan any'] }),
    );
    expect(response.body).toMatchObject({
      code: 'CLUSTER_FILE_INVALID',
      errors: [{ path: 'vnet.routes[0].to', message: 'there is no link wan; links are: none' }],
    });
  });
});
