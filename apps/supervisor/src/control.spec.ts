import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient, stateFiles, type ClusterStatus } from '@v3vee/client';
import { topology, V3Error } from '@v3vee/contracts';
import { listenForControl, type Controlled } from './control-server';
import { StateWriter } from './state-writer';

describe('the control socket', () => {
  let folder: string;
  let server: Server | undefined;
  let socket: string;
  const status: ClusterStatus = { state: 'running', pid: 1, url: null, startedAt: 'now', services: [] };
  const controlled: Controlled = {
    status: () => status,
    down: async onProgress => onProgress('stopping'),
    putHosts: async ({ hosts, prune }) => ({
      started: Object.keys(hosts),
      restarted: [],
      stopped: prune ? ['old'] : [],
    }),
    putTopology: () => {
      throw new V3Error('STORAGE_FULL', 'no space');
    },
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'v3-control-'));
    socket = join(folder, 'control.sock');
  });
  afterEach(async () => {
    await new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve()));
    rmSync(folder, { recursive: true });
  });
  const listen = async () => (server = await listenForControl(socket, controlled));

  it('answers, tells progress and passes errors on', async () => {
    await listen();
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    const client = new ControlClient(socket);
    expect(await client.status()).toEqual(status);
    const told: string[] = [];
    expect(await client.down(text => told.push(text))).toBe(true);
    expect(told).toEqual(['stopping']);
    const hosts = topology.parse({ hosts: { alpha: null } }).hosts;
    expect(await client.putHosts({ hosts, prune: true })).toEqual({
      started: ['alpha'],
      restarted: [],
      stopped: ['old'],
    });
    await expect(client.putTopology(topology.parse({ hosts: { alpha: null } }))).rejects.toMatchObject({
      code: 'STORAGE_FULL',
    });
  });

  it('refuses what it does not know, and goes on', async () => {
    await listen();
    const client = new ControlClient(socket);
    await expect(
      client.putHosts({ hosts: { 'Not a name': {} } as never, prune: false }),
    ).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    const raw = (method: string, path: string, body: string) =>
      new Promise<string>((resolve, reject) => {
        const sent = request({ socketPath: socket, method, path }, response => {
          let text = '';
          response.on('data', (part: Buffer) => (text += part.toString())).on('end', () => resolve(text));
        });
        sent.on('error', reject).end(body);
      });
    expect(await raw('PUT', '/hosts', '{broken')).toContain('MALFORMED_JSON');
    expect(await raw('GET', '/etc/passwd', '')).toContain('ROUTE_NOT_FOUND');
    expect(await raw('PUT', '/hosts', 'x'.repeat(2 ** 20 + 1))).toContain('BODY_TOO_LARGE');
    expect(await client.status()).toEqual(status);
  });

  it('is absent where nobody listens, and a stale one is replaced', async () => {
    expect(await new ControlClient(socket).status()).toBeUndefined();
    writeFileSync(socket, ''); // as a killed process leaves it: nobody accepts
    expect(await new ControlClient(socket).status()).toBeUndefined();
    expect(await new ControlClient(socket).down()).toBe(false);
    await listen();
    expect(await new ControlClient(socket).status()).toEqual(status);
  });

  it('has a short path where the state folder has a long one', () => {
    const deep = `/${'very-long-name/'.repeat(12)}state`;
    expect(stateFiles(deep).socket.length).toBeLessThan(104);
    expect(stateFiles(deep).socket).not.toBe(stateFiles(`${deep}2`).socket);
  });
});

describe('the state folder', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'v3-state-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('gets a token once, for its user alone', () => {
    const files = new StateWriter(join(folder, 'state'));
    files.ensureToken();
    const token = files.token();
    expect(token).toMatch(/^[\w-]{43}$/);
    chmodSync(files.files.token, 0o644);
    files.ensureToken();
    expect(files.token()).toBe(token);
    expect(statSync(files.files.token).mode & 0o777).toBe(0o600);
    writeFileSync(files.files.token, '');
    expect(() => files.ensureToken()).toThrow('is empty; remove it');
  });

  it('remembers what was applied, and says when that is damaged', () => {
    const files = new StateWriter(folder);
    expect(files.readTopology()).toBeUndefined();
    const applied = topology.parse({ hosts: { alpha: { memory: '512MiB' } } });
    files.writeTopology(applied);
    expect(files.readTopology()).toEqual(applied);
    writeFileSync(files.files.topology, '{"hosts": 7}');
    expect(() => files.readTopology()).toThrow(/topology\.json.* is damaged; remove it/);
  });

  it('has a cluster file only while one runs', () => {
    const files = new StateWriter(folder);
    files.writeCluster({ pid: 1, url: null, startedAt: 'now', services: {} });
    expect(JSON.parse(readFileSync(files.files.cluster, 'utf8'))).toMatchObject({ pid: 1 });
    files.removeCluster();
    files.removeCluster();
    expect(existsSync(files.files.cluster)).toBe(false);
  });
});
