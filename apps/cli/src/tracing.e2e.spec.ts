import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { natsOptions } from '@v3vee/bus';
import { readClusterFile, stateFiles } from '@v3vee/client';
import type { Operation } from '@v3vee/contracts';
import { OtlpCollector, TestCluster, type CollectedSpan } from '@v3vee/testkit';
import { connect, type Msg } from 'nats';

const TOPOLOGY = (hosts: string) => `
hosts: { ${hosts} }
networks: { lan: { subnet: 10.10.0.0/24 } }
`;
const VM = { name: 'a1', host: 'alpha', nics: [{ network: 'lan', ip: '10.10.0.11/24' }] };
const CLIENT = 'b7ad6b7169203331';

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await delay(50); // Jest's time limit ends a wait in vain
};

describe('traces', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'v3-e2e-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Writes down which of OpenTelemetry's packages each process had loaded when it ended. */
  const probe = () => {
    const [script, loaded] = [join(folder, 'probe.cjs'), join(folder, 'loaded')];
    writeFileSync(loaded, '');
    const text = `process.on('exit', () => {
      const names = Object.keys(require.cache).flatMap(file => /@opentelemetry.([^/]+)/.exec(file)?.[1] ?? []);
      const line = [process.argv[1], ...new Set(names)].join(' ');
      require('node:fs').appendFileSync(${JSON.stringify(loaded)}, line + '\\n');
    });`;
    writeFileSync(script, text);
    return {
      env: { NODE_OPTIONS: `--require ${script}` },
      /** Of each service that has ended. */
      read: () =>
        readFileSync(loaded, 'utf8')
          .split('\n')
          .flatMap(line => {
            const [script = '', ...names] = line.split(' ');
            const app = /apps.(\w+).dist.main\.js$/.exec(script)?.[1];
            return app && !['cli', 'supervisor'].includes(app) ? [{ app, names }] : [];
          }),
    };
  };
  const up = (hosts: string, env: NodeJS.ProcessEnv) => {
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, TOPOLOGY(hosts));
    return TestCluster.up({ topologyFile, env });
  };
  const api = async ({ stateDir }: TestCluster) => {
    const url = (await readClusterFile(stateDir))?.services.gateway?.url;
    const token = readFileSync(stateFiles(stateDir).token, 'utf8').trim();
    return async <T = Operation>(path: string, body?: object, headers: Record<string, string> = {}) => {
      const response = await fetch(`${url}/v1/${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        body: body && JSON.stringify(body),
      });
      const answer = (await response.json()) as T & { detail?: string };
      if (!response.ok) throw new Error(`${path}: ${response.status} ${answer.detail}`);
      return answer;
    };
  };
  type Api = Awaited<ReturnType<typeof api>>;
  const operate = async (call: Api, path: string, body: object, headers?: Record<string, string>) => {
    const { id } = await call(path, body, headers);
    let operation: Operation;
    do operation = await call(`operations/${id}:wait?timeoutSeconds=60`);
    while (!operation.done);
    expect(operation.error).toBeNull();
    return operation;
  };
  /** Calls of hosts, as they pass. */
  const listen = async (cluster: TestCluster, subject: string) => {
    const nats = await connect(natsOptions(await cluster.natsUrl()));
    const messages: Msg[] = [];
    nats.subscribe(subject, { callback: (_, message) => messages.push(message) });
    await nats.flush();
    return { messages, stop: () => nats.close() };
  };

  describe('of a cluster that is told of a collector', () => {
    let collector: OtlpCollector;
    let cluster: TestCluster;
    let call: Api;
    beforeAll(async () => {
      collector = await OtlpCollector.start();
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' };
      cluster = await up('alpha: , beta:', env);
      call = await api(cluster);
      await call('vms', VM);
    });
    afterAll(async () => {
      await cluster?.down();
      await collector?.stop();
    });

    const [started, moved] = ['5'.repeat(32), '6'.repeat(32)];
    const inTrace = (trace: string) => ({ traceparent: `00-${trace}-${CLIENT}-01`, tracestate: 'who=us' });
    const find = (trace: string, service: string, name: string) =>
      collector.of(trace).find(span => span.service === service && span.name === name);
    const untilFound = async (trace: string, service: string, name: string): Promise<CollectedSpan> => {
      await until(() => find(trace, service, name) !== undefined);
      return find(trace, service, name)!;
    };
    /** From a span up to the one that has no parent here: `service: name`. */
    const line = (trace: string, span: CollectedSpan): string[] => {
      const parent = collector.of(trace).find(({ spanId }) => spanId === span.parentSpanId);
      const here = `${span.service}: ${span.name}`;
      if (parent) return [...line(trace, parent), here];
      return [`client ${span.parentSpanId}`, here];
    };
    const logged = (service: string) =>
      readFileSync(join(stateFiles(cluster.stateDir).logs, `${service}.log`), 'utf8')
        .split('\n')
        .filter(text => text.startsWith('{'))
        .map(text => JSON.parse(text) as { msg: string; trace_id?: string; span_id?: string });

    it('a start is one trace from the client to the host’s kernel', async () => {
      const heard = await listen(cluster, 'palacios.alpha.vm.start');
      const operation = await operate(call, 'vms/a1:start', {}, inTrace(started));
      await heard.stop();
      const allocate = await untilFound(started, 'kitten-alpha', 'serve kitten.{host}.allocate');
      await untilFound(started, 'gateway', 'operation start');
      await untilFound(started, 'palacios-alpha', 'serve palacios.{host}.vm.start');
      expect(line(started, allocate)).toEqual([
        `client ${CLIENT}`,
        'gateway: POST /v1/vms/:vm:start',
        'gateway: operation start',
        'gateway: ask palacios.{host}.vm.start',
        'palacios-alpha: serve palacios.{host}.vm.start',
        'palacios-alpha: ask kitten.{host}.allocate',
        'kitten-alpha: serve kitten.{host}.allocate',
      ]);
      expect(find(started, 'gateway', 'operation start')).toMatchObject({
        resource: { 'service.namespace': 'v3vee' },
        attributes: { 'v3.operation.id': operation.id, 'v3.operation.target': 'vms/a1' },
        status: 0,
      });
      expect(allocate.resource).toMatchObject({ 'host.name': 'alpha' });
      const { spanId } = find(started, 'gateway', 'ask palacios.{host}.vm.start')!;
      expect(
        heard.messages.map(({ headers }) => [headers?.get('traceparent'), headers?.get('tracestate')]),
      ).toEqual([[`00-${started}-${spanId}-01`, 'who=us']]);
    });

    it('a migration is one trace of the gateway, both hosts, and their phases', async () => {
      await operate(call, 'vms/a1:migrate', { host: 'beta' }, inTrace(moved));
      const migration = await untilFound(moved, 'palacios-alpha', 'migration');
      const reserve = await untilFound(moved, 'kitten-beta', 'serve kitten.{host}.allocate');
      const swap = await untilFound(moved, 'palacios-beta', 'migration swap owner');
      await untilFound(moved, 'palacios-beta', 'serve palacios.{host}.migration.known');
      await untilFound(moved, 'gateway', 'operation migrate');
      const source = [
        `client ${CLIENT}`,
        'gateway: POST /v1/vms/:vm:migrate',
        'gateway: operation migrate',
        'gateway: ask palacios.{host}.migration.begin',
        'palacios-alpha: serve palacios.{host}.migration.begin',
        'palacios-alpha: migration',
      ];
      const asks = (what: string) => [
        ...source,
        `palacios-alpha: ask palacios.{host}.migration.${what}`,
        `palacios-beta: serve palacios.{host}.migration.${what}`,
      ];
      expect(line(moved, migration)).toEqual(source);
      expect(line(moved, reserve)).toEqual([
        ...asks('prepare'),
        'palacios-beta: ask kitten.{host}.allocate',
        'kitten-beta: serve kitten.{host}.allocate',
      ]);
      expect(line(moved, swap)).toEqual([...asks('complete'), 'palacios-beta: migration swap owner']);
      const phases = collector
        .of(moved)
        .filter(({ attributes, name }) => name !== 'migration' && attributes['v3.migration.phase']);
      expect(phases.map(({ name }) => name)).toEqual(
        ['PREPARING', 'COPYING', 'STOPPED', 'SWITCHING'].map(phase => `migration ${phase}`),
      );
      expect(phases.every(({ parentSpanId }) => parentSpanId === migration.spanId)).toBe(true);
      expect(migration).toMatchObject({
        status: 0,
        attributes: {
          'v3.vm': 'a1',
          'v3.migration.source': 'alpha',
          'v3.migration.target': 'beta',
          'v3.migration.phase': 'COMPLETED',
          'v3.migration.downtime_ms': expect.any(Number),
        },
      });
      // Pages go beside it: what is in a trace does not grow with the guest's memory.
      expect(collector.of(moved).length).toBeLessThan(40);
    });

    it('is named in the lines of the logs', async () => {
      const migration = find(moved, 'palacios-alpha', 'migration')!;
      const line = logged('palacios-alpha').find(({ msg }) => msg === 'a VM moved');
      expect(line).toMatchObject({ trace_id: moved, span_id: migration.spanId });
      const requests = logged('gateway').filter(({ msg }) => msg === 'request completed');
      expect(requests.map(({ trace_id }) => trace_id)).toEqual(expect.arrayContaining([started, moved]));
    });

    it('is not of what the guest does afterwards, and leaves nothing out at the end', async () => {
      const before = collector.of(started).length;
      await cluster.ok(['vm', 'exec', 'a1', '--', 'true']);
      await cluster.v3(['down']);
      expect(collector.of(started)).toHaveLength(before);
      expect(collector.refused).toEqual([]);
      const ended = new Set(collector.spans.map(({ service }) => service));
      expect([...ended].sort()).toEqual(expect.arrayContaining(['gateway', 'kitten-alpha', 'palacios-beta']));
    });
  });

  it('are not made of a cluster that is told of none: no header, nothing of the SDK', async () => {
    const { env, read } = probe();
    const off = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_SDK_DISABLED: 'true' };
    const cluster = await up('alpha:', { ...env, ...off });
    try {
      const heard = await listen(cluster, 'palacios.alpha.vm.start');
      const call = await api(cluster);
      await call('vms', VM);
      await operate(call, 'vms/a1:start', {}, { traceparent: `00-${'7'.repeat(32)}-${CLIENT}-01` });
      expect(heard.messages.map(({ headers }) => headers)).toEqual([undefined]);
      await heard.stop();
    } finally {
      await cluster.down();
    }
    const loaded = read();
    expect(loaded.map(({ app }) => app).sort()).toEqual([
      'dmm',
      'gateway',
      'kitten',
      'palacios',
      'vnet',
      'wifi',
    ]);
    for (const { app, names } of loaded) expect([app, names]).toEqual([app, ['api']]);
  });
});
