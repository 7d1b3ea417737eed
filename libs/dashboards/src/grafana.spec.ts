import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dashboards } from './dashboards';
import type { DashboardJson } from './files';
import { Grafana } from './grafana';
import { GrafanaServer } from './testing/grafana-server.fixture';

const all = JSON.parse(JSON.stringify(dashboards)) as DashboardJson[];
const event = {
  ...{ id: 'migration:1', tags: ['migration', 'vm:a1'], text: 'a1 moved from alpha to beta' },
  ...{ from: new Date(1_000), to: new Date(2_500) },
};

describe('an existing Grafana', () => {
  let server: GrafanaServer;
  let grafana: Grafana;
  beforeEach(async () => {
    server = await new GrafanaServer().start();
    grafana = new Grafana({ url: `${server.url}/`, token: GrafanaServer.TOKEN });
  });
  afterEach(() => server.stop());

  it('gets all dashboards in a folder of ours, and again over them', async () => {
    const addresses = await grafana.push(all);
    expect(addresses).toContain(`${server.url}/d/v3vee-cluster/slug`);
    expect([...server.folders]).toEqual([['v3vee', 'V3VEE']]);
    expect([...server.dashboards.keys()].sort()).toEqual(all.map(({ uid }) => uid).sort());
    await grafana.push(all);
    expect([...server.dashboards.values()].map(({ folder, version }) => [folder, version])).toEqual(
      all.map(() => ['v3vee', 2]),
    );
    expect(server.dashboards.get('v3vee-vm')?.dashboard).toMatchObject({ title: 'V3VEE / VM' });
  });

  it('gets an event once, however often it is told', async () => {
    expect(await grafana.annotate(event)).toBe(true);
    expect(await grafana.annotate(event)).toBe(false);
    expect(await grafana.annotate({ ...event, id: 'migration:2' })).toBe(true);
    expect(server.annotations.map(({ tags }) => tags[1])).toEqual(['migration:1', 'migration:2']);
    expect(server.annotations[0]).toEqual({
      ...{ time: 1_000, timeEnd: 2_500, text: 'a1 moved from alpha to beta' },
      tags: ['v3vee', 'migration:1', 'migration', 'vm:a1'],
    });
  });

  it('refuses a wrong token, and is quoted', async () => {
    const stranger = new Grafana({ url: server.url, token: 'other' });
    await expect(stranger.push(all)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('Invalid API key'),
    });
    expect(server.folders.size).toBe(0);
  });

  it('refuses what it does not understand, and is quoted', async () => {
    await expect(grafana.push([{ ...(all[0] as DashboardJson), title: '' }])).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('Dashboard title cannot be empty'),
    });
  });

  it('may not be there, or be something else', async () => {
    const { url } = server;
    await server.stop();
    await expect(new Grafana({ url, token: 't' }).push(all)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('does not answer'),
    });
    const other = createServer((_, response) => response.end('<html>'));
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(
      new Grafana({ url: `http://127.0.0.1:${port}`, token: 't' }).push(all),
    ).rejects.toMatchObject({
      message: expect.stringContaining('is no Grafana'),
    });
    await new Promise(resolve => other.close(resolve));
    await server.start();
  });
});
