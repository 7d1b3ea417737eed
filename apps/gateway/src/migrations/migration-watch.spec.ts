import { PassThrough } from 'node:stream';
import { Client, followMigration, watchMigration, type LineStream } from '@v3vee/client';
import type { Migration, Operation } from '@v3vee/contracts';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';
import { MigrationStream } from './migration-stream';

/** Reads a watch as it comes. */
class Reader {
  readonly lines: Migration[] = [];
  isEnded = false;

  constructor(readonly stream: LineStream<Migration>) {
    void this.read();
  }
  private async read(): Promise<void> {
    for await (const line of this.stream.lines) this.lines.push(line);
    this.isEnded = true;
  }
  get phases(): string[] {
    return this.lines.map(({ phase }) => phase);
  }
}

describe('watches of migrations', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let client: Client;
  let id: string;
  let count = 0;
  const renewClient = () => {
    client?.close();
    client = new Client({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token });
  };
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost];
    renewClient();
  });
  afterAll(async () => {
    client?.close();
    await gateway?.stop();
  });
  /** One that is held in the middle of its copy. */
  beforeEach(async () => {
    const name = `v${count++}`;
    await gateway.ok('post', '/v1/vms', { name, host: 'alpha' });
    await gateway.operate('post', `/v1/vms/${name}:start`);
    alpha.migrations.holds.add('COPYING');
    id = (await gateway.ok<Operation>('post', `/v1/vms/${name}:migrate`, { host: 'beta' })).id;
    await until(() => alpha.migrations.sent.get(id)?.progress.phase === 'COPYING');
  });
  afterEach(async () => {
    alpha.migrations.release();
    await gateway.until(async () => (await migration()).endedAt !== null);
  });

  const until = (condition: () => boolean) => gateway.until(async () => condition());
  const migration = () => gateway.ok<Migration>('get', `/v1/migrations/${id}`);

  it('tell how it is, each change, and the end, and end with it', async () => {
    await gateway.until(async () => (await migration()).phase === 'COPYING');
    const reader = new Reader(await watchMigration(client, id));
    await until(() => reader.lines.length > 0);
    expect(reader.lines).toEqual([await migration()]);
    alpha.migrations.tell(id, { pagesSent: 1_200 });
    await until(() => reader.lines.at(-1)?.pagesSent === 1_200);
    alpha.migrations.release();
    await until(() => reader.isEnded);
    expect(reader.phases.filter((phase, index, all) => phase !== all[index - 1])).toEqual([
      ...['COPYING', 'STOPPED', 'SWITCHING', 'COMPLETED'],
    ]);
    expect(reader.lines.at(-1)).toEqual(await migration());
    expect(reader.lines.slice(0, -1).every(({ endedAt }) => endedAt === null)).toBe(true);
  });

  it('of one that has ended tell that and end', async () => {
    alpha.migrations.release();
    await gateway.ended(id);
    const reader = new Reader(await watchMigration(client, id));
    await until(() => reader.isEnded);
    expect(reader.lines).toEqual([await migration()]);
  });

  it('end without its end when the gateway stops; whoever follows goes on at the next', async () => {
    const reader = new Reader(await watchMigration(client, id));
    const seen: string[] = [];
    await gateway.restart();
    await until(() => reader.isEnded);
    expect(reader.lines.at(-1)).toMatchObject({ phase: 'COPYING', endedAt: null });
    renewClient();
    const following = followMigration(client, id, { onChange: ({ phase }) => seen.push(phase) });
    await until(() => seen.includes('COPYING'));
    alpha.migrations.release();
    expect(await following).toMatchObject({ phase: 'COMPLETED' });
    expect(seen.at(-1)).toBe('COMPLETED');
    await gateway.until(async () => (await gateway.hostState('alpha')) === 'READY');
  });

  it('are left with the reason of who leaves', async () => {
    const controller = new AbortController();
    const onChange = () => controller.abort(new Error('enough'));
    await expect(followMigration(client, id, { signal: controller.signal, onChange })).rejects.toThrow(
      'enough',
    );
  });

  it('leave out what is between for a client that reads slowly, never the end', async () => {
    const out = new PassThrough({ highWaterMark: 1 });
    const now = await migration();
    let tell = (_: Migration): void => undefined;
    const stream = new MigrationStream({
      ...{ out, maxUnread: 5_000, look: async () => now },
      listen: listener => {
        tell = listener;
        return { stop: () => (tell = () => undefined) };
      },
    });
    await stream.open();
    for (let pagesSent = 1; pagesSent <= 100; pagesSent++) tell({ ...now, pagesSent });
    tell({ ...now, phase: 'COMPLETED', endedAt: new Date().toISOString() });
    await stream.ended;
    let text = '';
    out.setEncoding('utf8').on('data', (part: string) => (text += part));
    await until(() => out.readableEnded);
    const lines = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Migration);
    expect(lines.length).toBeLessThan(50);
    expect(lines.at(-1)).toMatchObject({ phase: 'COMPLETED' });
  });

  it('of one that there is not, and of who has no token, are refused', async () => {
    await expect(watchMigration(client, 'x')).rejects.toMatchObject({ code: 'MIGRATION_NOT_FOUND' });
    const stranger = new Client({ url: client.url, token: 'x'.repeat(40) });
    await expect(watchMigration(stranger, id)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
