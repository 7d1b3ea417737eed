import type { List, Operation, ProjectKind, Snapshot, VnetRoute } from '@v3vee/contracts';
import { ScriptedVnet } from './scripted-vnet.fixture';
import { ScriptedWifi } from './scripted-wifi.fixture';
import type { TestGateway } from './test-gateway.fixture';

/** How a client names one thing of each kind that a project has. */
export type Owned = Record<ProjectKind, string>;

/**
 * Fills a project with one thing of each kind; all that has a name has `mine` in it. The VM runs on alpha.
 * @param gateway without hosts yet
 */
export async function fillProject(gateway: TestGateway, project: string): Promise<Owned> {
  new ScriptedVnet(gateway.bus, gateway.dataSource).start();
  await new ScriptedWifi(gateway.bus, gateway.dataSource).start();
  await gateway.withHosts('alpha', 'beta');
  await gateway.operate('post', '/v1/cluster:apply', {
    hosts: { alpha: { radios: [{ name: 'radio0' }] }, beta: { radios: [{ name: 'radio0' }] } },
  });
  await gateway.ok('post', '/v1/projects', { name: project });
  await gateway.ok('post', '/v1/networks', { name: 'mine-lan', project, subnet: '10.0.0.0/24' });
  await gateway.ok('post', '/v1/vnet/links', { name: 'mine-link', network: 'mine-lan', remote: '192.0.2.1' });
  const route = await gateway.ok<VnetRoute>('post', '/v1/vnet/routes', { to: 'edge mine-link' });
  await gateway.ok('post', '/v1/access-points', {
    name: 'mine-ap',
    ssid: 'mine',
    channel: 6,
    network: 'mine-lan',
  });
  await gateway.ok('post', '/v1/vms', {
    ...{ name: 'mine', project, host: 'alpha', image: 'debian-wifi', nics: [{ network: 'mine-lan' }] },
    wifi: [{ radio: 'radio0', ssid: 'mine' }],
    disks: [{ name: 'data', size: 16 }],
  });
  const started = await gateway.operate('post', '/v1/vms/mine:start');
  await gateway.operate('post', '/v1/vms/mine:snapshot', { name: 'mine-before' });
  const [snapshot] = (await gateway.ok<List<Snapshot>>('get', '/v1/snapshots')).items;
  const migration = await gateway.ok<Operation>('post', '/v1/vms/mine:migrate', { host: 'beta' });
  return {
    vm: 'mine',
    network: 'mine-lan',
    snapshot: snapshot?.id ?? '',
    disk: 'mine/data',
    migration: migration.id,
    operation: started.id,
    route: String(route.index),
    link: 'mine-link',
    accessPoint: 'mine-ap',
    project,
    point: 'mine/net0',
  };
}
