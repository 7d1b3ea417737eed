import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot, ensureNats, freePort, resolvePaths } from '@v3vee/setup';
import type { Announcement, Call } from '@v3vee/contracts';
import { z } from 'zod';
import { Bus } from './bus';

const echo: Call<z.ZodObject<{ n: z.ZodInt }>, z.ZodObject<{ twice: z.ZodInt }>> = {
  subject: 'test.{host}.echo',
  request: z.object({ n: z.int() }),
  response: z.object({ twice: z.int() }),
  timeoutMs: 2_000,
};
const news: Announcement<z.ZodObject<{ text: z.ZodString }>> = {
  subject: 'news.{host}',
  message: z.object({ text: z.string() }),
};

/** The configurations of infra/nats for hosts on several machines, but for their ports. */
describe('a leaf node', () => {
  let dir: string;
  let program: string;
  const servers: ChildProcess[] = [];
  const buses: Bus[] = [];

  const start = async (name: string, ports: Record<number, number>, env: NodeJS.ProcessEnv) => {
    let text = await readFile(join(checkoutRoot, 'infra/nats', `${name}.conf`), 'utf8');
    for (const [port, free] of Object.entries(ports)) text = text.replace(`port: ${port}`, `port: ${free}`);
    const config = join(dir, `${name}.conf`);
    await writeFile(config, `host: 127.0.0.1\n${text.replace(/^(http|host): .*$/gm, '')}`);
    const server = spawn(program, ['-c', config], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    servers.push(server);
    return server.stderr.resume();
  };
  const connect = async (port: number) => {
    for (;;) {
      const bus = await Bus.connect({ url: `nats://operator:secret@127.0.0.1:${port}`, name: 'test' }).catch(
        () => undefined,
      );
      if (!bus) continue;
      buses.push(bus);
      return bus;
    }
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'v3-leaf-'));
    program = await ensureNats({ cache: resolvePaths().cache });
  });
  afterAll(async () => {
    for (const bus of buses) await bus.close();
    for (const server of servers) server.kill();
    await rm(dir, { recursive: true, force: true });
  });

  it('lets a host of another machine be called, and heard, as one of this', async () => {
    const [client, leaf, far] = [await freePort(), await freePort(), await freePort()];
    const operator = { V3_NATS_PASSWORD_OPERATOR: 'secret' };
    await start('hub', { 4222: client, 7422: leaf }, { ...operator, V3_NATS_PASSWORD_LEAF: 'leafs' });
    await start(
      'leaf',
      { 4222: far },
      { ...operator, V3_NATS_HUB: `nats-leaf://leaf:leafs@127.0.0.1:${leaf}` },
    );
    const here = await connect(client);
    const there = await connect(far);
    for (const port of [client, far]) {
      const stranger = Bus.connect({ url: `nats://127.0.0.1:${port}`, name: 'stranger' });
      await expect(stranger).rejects.toMatchObject({ code: 'BUS_REFUSED' });
    }
    there.serve(echo, 'gamma', ({ n }) => ({ twice: 2 * n }));
    const heard: string[] = [];
    here.listen(news, '*', ({ text }, host) => void heard.push(`${host} ${text}`));
    await here.flush();
    const answer = async (): Promise<{ twice: number }> => {
      for (;;) {
        // Until the leaf has told the hub of its subscribers.
        const answered = await here.call(echo, 'gamma', { n: 21 }).catch(() => undefined);
        if (answered) return answered;
      }
    };
    expect(await answer()).toEqual({ twice: 42 });
    while (heard.length === 0) {
      there.announce(news, 'gamma', { text: 'is here' });
      await there.flush();
      await new Promise(resolve => setTimeout(resolve, 10));
    }
    expect(heard[0]).toBe('gamma is here');
  });

  it('with a wrong password is no part of the cluster', async () => {
    const [client, leaf, far] = [await freePort(), await freePort(), await freePort()];
    const operator = { V3_NATS_PASSWORD_OPERATOR: 'secret' };
    const hub = await start(
      'hub',
      { 4222: client, 7422: leaf },
      { ...operator, V3_NATS_PASSWORD_LEAF: 'leafs' },
    );
    const here = await connect(client);
    const refused = new Promise<void>(resolve =>
      hub.on('data', text => `${text}`.includes('authentication error') && resolve()),
    );
    await start(
      'leaf',
      { 4222: far },
      { ...operator, V3_NATS_HUB: `nats-leaf://leaf:guess@127.0.0.1:${leaf}` },
    );
    const there = await connect(far);
    there.serve(echo, 'gamma', ({ n }) => ({ twice: 2 * n }));
    await there.flush();
    await refused;
    await expect(here.call(echo, 'gamma', { n: 1 })).rejects.toThrow();
  });
});
