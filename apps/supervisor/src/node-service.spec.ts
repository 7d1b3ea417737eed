import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogFile } from './log-file';
import { NodeService, type NodeServiceOptions } from './node-service';

/** Scripts that stand for services: what is tested is how a real process starts, hangs, fails and ends. */
const READY = `
  const server = require('node:http').createServer((_, r) => r.end('ok'));
  server.listen(Number(process.env.V3_HTTP_PORT), '127.0.0.1', () =>
    process.send({ type: 'ready', url: 'http://127.0.0.1:' + server.address().port }));
  process.on('SIGTERM', () => { console.log('saved'); process.exit(0); });
`;

describe('NodeService', () => {
  let folder: string;
  let log: LogFile;
  const noSignal = new AbortController().signal;
  const pids: number[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'v3-service-'));
    log = new LogFile(join(folder, 'thing.log'));
  });
  afterEach(() => {
    log.close();
    rmSync(folder, { recursive: true });
    for (const pid of pids.splice(0)) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  const service = (body: string, options: Partial<NodeServiceOptions> = {}) => {
    const script = join(folder, 'main.js');
    writeFileSync(script, body);
    return new NodeService({ name: 'thing', script, env: () => ({ ...process.env }), log, ...options });
  };
  const start = (unit: NodeService, signal = noSignal) => unit.start(signal, pid => pids.push(pid));

  it('is ready when the service says so, and stops it in order', async () => {
    const running = await start(service(READY));
    expect(await (await fetch(running.url as string)).text()).toBe('ok');
    await running.stop();
    expect(await running.exited).toBe('exit code 0: saved');
  });

  it('keeps the port over a restart', async () => {
    const unit = service(READY);
    const first = await start(unit);
    first.kill();
    expect(await first.exited).toBe('ended by SIGKILL');
    const second = await start(unit);
    expect(second.url).toBe(first.url);
    await second.stop();
  });

  it('keeps the port of gRPC too, and says where it is', async () => {
    const unit = service(`
      const port = Number(process.env.V3_GRPC_PORT ?? 0) || 4711;
      process.send({ type: 'ready', url: 'http://127.0.0.1:1', grpc: '0.0.0.0:' + port });
      delete process.env.V3_GRPC_PORT;
      setInterval(() => {}, 1000);`);
    const first = await start(unit);
    expect(first.grpc).toBe('127.0.0.1:4711');
    first.kill();
    await first.exited;
    const asked = service(`
      process.send({ type: 'ready', url: 'http://127.0.0.1:1', grpc: '0.0.0.0:' + (Number(process.env.V3_GRPC_PORT) + 1) });
      setInterval(() => {}, 1000);`);
    void asked; // the script of `unit` is this one from now on
    const second = await start(unit);
    expect(second.grpc).toBe('127.0.0.1:4712');
    second.kill();
    await second.exited;
  });

  it('says why a service did not start: its last error', async () => {
    const body = `
      console.log(JSON.stringify({ level: 60, msg: 'the environment is not complete' }));
      console.log(JSON.stringify({ level: 30, msg: 'bye' }));
      process.exit(7);`;
    await expect(start(service(body))).rejects.toThrow('exit code 7: the environment is not complete');
    await expect(start(service('throw new TypeError("no such thing")'))).rejects.toThrow(
      'exit code 1: TypeError: no such thing',
    );
  });

  it('ends a service that does not become ready in time', async () => {
    const body = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`;
    await expect(start(service(body, { readyMs: 300 }))).rejects.toThrow('not ready after 0.3 s');
  });

  it('ends a service that is not wanted before it is ready', async () => {
    const controller = new AbortController();
    const unit = service(`setInterval(() => {}, 1000);`);
    const starting = unit.start(controller.signal, pid => {
      pids.push(pid);
      controller.abort();
    });
    await expect(starting).rejects.toThrow('stopped before it was ready');
  });

  it('kills a service that does not stop in time', async () => {
    const body = `
      process.on('SIGTERM', () => {});
      setInterval(() => {}, 1000);
      process.send({ type: 'ready', url: 'http://127.0.0.1:1' });`;
    const running = await start(service(body, { stopMs: 200 }));
    await running.stop();
    expect(await running.exited).toBe('ended by SIGKILL');
  });

  it('says that a script is missing', async () => {
    const unit = new NodeService({ name: 'x', script: join(folder, 'none.js'), env: () => process.env, log });
    await expect(start(unit)).rejects.toThrow(/exit code 1: Error: Cannot find module/);
  });
});
