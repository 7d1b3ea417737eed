import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer as tcpServer } from 'node:net';
import { join } from 'node:path';
import { LAST_SPANS_MS, startTracing, wantsTracing } from '.';

describe('tracing is wanted', () => {
  const at = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
  it.each<[boolean, NodeJS.ProcessEnv]>([
    [false, {}],
    [false, { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    [false, { OTEL_SERVICE_NAME: 'x', OTEL_TRACES_SAMPLER: 'always_on' }],
    [true, at],
    [true, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }],
    [true, { ...at, OTEL_SDK_DISABLED: 'false' }],
    [false, { ...at, OTEL_SDK_DISABLED: 'TRUE' }],
    [false, { ...at, OTEL_TRACES_EXPORTER: 'none' }],
  ])('%s: %j', (wanted, env) => expect(wantsTracing(env)).toBe(wanted));

  it('else nothing is started', () => {
    const onTrouble = () => fail('nothing is wrong');
    expect(startTracing({ name: 'x', env: {}, onTrouble })).toBeUndefined();
  });
});

/**
 * A process of its own that makes spans, since Jest's module system cannot load the exporter's transport. It says what
 * troubles it had, and how long it took to stop.
 */
const SCRIPT = `
const { startTracing } = require(${JSON.stringify(join(__dirname, '../dist/index.js'))});
const { beginSpan } = require('@v3vee/tracing');
const troubles = [];
const tracing = startTracing({ name: 'palacios', host: 'alpha', env: process.env, onTrouble: t => troubles.push(t) });
for (let i = 0; i < Number(process.env.SPANS); i++) beginSpan('span ' + i, { attributes: { long: 'x'.repeat(9999) } }).end();
process.on('message', async () => {
  const began = performance.now();
  await tracing.stop();
  process.send({ tookMs: performance.now() - began, troubles }, () => process.exit(0));
});
process.send({ ready: true });
`;
interface Stopped {
  tookMs: number;
  troubles: string[];
}

async function traced(env: NodeJS.ProcessEnv, whenReady: () => Promise<unknown> = async () => undefined) {
  const child = spawn(process.execPath, ['-e', SCRIPT], {
    env: { ...process.env, SPANS: '3', ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    cwd: __dirname,
  });
  const exited = once(child, 'exit');
  await once(child, 'message');
  await whenReady();
  const stopped = once(child, 'message');
  child.send('stop');
  const [answer] = (await stopped) as [Stopped];
  expect(await exited).toEqual([0, null]);
  return answer;
}

describe('a process that makes spans', () => {
  const servers: Server[] = [];
  const serve = async (server: Server) => {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  };
  afterEach(() => servers.splice(0).forEach(server => server.close()));

  const bodies: {
    resourceSpans: { resource: { attributes: { key: string; value: { stringValue: string } }[] } }[];
  }[] = [];
  const collector = (status = 200) =>
    createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      bodies.push(JSON.parse(Buffer.concat(parts).toString()));
      response.writeHead(status).end('{}');
    });
  beforeEach(() => void bodies.splice(0));
  const resource = () =>
    Object.fromEntries(
      bodies[0]!.resourceSpans[0]!.resource.attributes.map(({ key, value }) => [key, value.stringValue]),
    );

  it('sends the last ones when it stops, says which process it is, and bounds what they say', async () => {
    const { troubles } = await traced(await serve(collector()));
    expect(troubles).toEqual([]);
    expect(resource()).toMatchObject({
      'service.name': 'palacios-alpha',
      'service.namespace': 'v3vee',
      'host.name': 'alpha',
    });
    expect(JSON.stringify(bodies).match(/span \d/g)).toEqual(['span 0', 'span 1', 'span 2']);
    expect(JSON.stringify(bodies)).not.toContain('x'.repeat(257));
    expect(JSON.stringify(bodies)).toContain('x'.repeat(256));
  });

  it('is named and samples as the environment says', async () => {
    const at = await serve(collector());
    await traced({
      ...at,
      OTEL_SERVICE_NAME: 'mine',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=lab',
    });
    expect(resource()).toMatchObject({ 'service.name': 'mine', 'deployment.environment.name': 'lab' });
    bodies.splice(0);
    await traced({ ...at, OTEL_TRACES_SAMPLER: 'always_off' });
    expect(bodies).toEqual([]);
  });

  it('says what is wrong with the settings', async () => {
    const { troubles } = await traced({
      ...(await serve(collector())),
      OTEL_TRACES_SAMPLER: 'sometimes',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    });
    expect(troubles).toEqual([
      expect.stringContaining('not gRPC'),
      expect.stringContaining('OTEL_TRACES_SAMPLER value "sometimes" invalid'),
    ]);
  });

  it('is not held up by a collector that never answers', async () => {
    const sockets = new Set<{ destroy(): void }>();
    const mute = tcpServer(socket => void sockets.add(socket.on('error', () => undefined)));
    // By itself the exporter would wait longer than any test may take.
    const patient = { OTEL_EXPORTER_OTLP_TIMEOUT: '900000', OTEL_BSP_EXPORT_TIMEOUT: '900000' };
    const { tookMs } = await traced({ ...(await serve(mute)), ...patient });
    expect(sockets.size).toBeGreaterThan(0);
    sockets.forEach(socket => socket.destroy());
    expect(tookMs).toBeGreaterThan(LAST_SPANS_MS - 50);
  });

  it('goes on without one that is not there, keeps a bounded number of spans, and tells it once', async () => {
    const gone = tcpServer();
    const at = await serve(gone);
    gone.close();
    const env = { ...at, SPANS: '5000', OTEL_BSP_SCHEDULE_DELAY: '10', OTEL_EXPORTER_OTLP_TIMEOUT: '200' };
    const { troubles } = await traced(env);
    expect(troubles.some(text => /lost/.test(text))).toBe(true);
    expect(new Set(troubles).size).toBe(troubles.length);
  });
});
