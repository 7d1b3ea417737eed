import { SpanKind } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { palaciosCalls, type Operation } from '@v3vee/contracts';
import { GrpcClient } from '@v3vee/grpc';
import { startTracing, type Tracing } from '@v3vee/service';
import { connect, type Msg, type NatsConnection } from 'nats';
import { GrpcRig } from '../testing/grpc-rig.fixture';
import type { TestGateway } from '../testing/test-gateway.fixture';

const SPAN = 'b7ad6b7169203331';
let traces = 0;
const newTrace = () => `${(++traces).toString(16)}`.padStart(32, 'a');
const parent = (trace: string, flags = '01') => `00-${trace}-${SPAN}-${flags}`;

const shown = (span: ReadableSpan) => {
  const { name, kind, attributes, status, parentSpanContext } = span;
  const { traceId, spanId } = span.spanContext();
  return { name, kind, attributes, status: status.code, traceId, spanId, parent: parentSpanContext?.spanId };
};
type Shown = ReturnType<typeof shown>;

describe('the traces of a gateway', () => {
  const exporter = new InMemorySpanExporter();
  let tracing: Tracing;
  let rig: GrpcRig;
  let gateway: TestGateway;
  let nats: NatsConnection;
  const asked: Msg[] = [];
  const troubles: string[] = [];

  beforeAll(async () => {
    // The SDK reads the process's own environment.
    process.env.OTEL_BSP_SCHEDULE_DELAY = '20';
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://nowhere.invalid' };
    const onTrouble = (what: string) => void troubles.push(what);
    tracing = startTracing({ name: 'gateway', env, exporter, onTrouble })!;
    rig = await GrpcRig.start();
    ({ gateway } = rig);
    nats = await connect({ servers: gateway.nats.url });
    nats.subscribe(palaciosCalls.pause.subject.replace('{host}', 'alpha'), {
      callback: (_, message) => asked.push(message),
    });
    await nats.flush();
  });
  afterAll(async () => {
    await nats?.close();
    await rig?.stop();
    await tracing?.stop();
    delete process.env.OTEL_BSP_SCHEDULE_DELAY;
    expect(troubles).toEqual([]);
  });

  const spans = () => exporter.getFinishedSpans().map(shown);
  const ofTrace = (trace: string) => spans().filter(({ traceId }) => traceId === trace);
  const found = async (what: (span: Shown) => boolean): Promise<Shown> => {
    await gateway.until(async () => spans().some(what));
    return spans().find(what) as Shown;
  };
  const named = (trace: string, name: string) => found(span => span.traceId === trace && span.name === name);

  /** Over gRPC. */
  const getVm = (traceparent: string) =>
    new Promise((resolve, reject) => {
      const metadata = rig.metadata();
      metadata.set('traceparent', traceparent);
      rig.channel.makeUnaryRequest(
        '/v3vee.v1.Vms/GetVm',
        (bytes: Buffer) => bytes,
        bytes => bytes,
        Buffer.from([10, 2, 97, 49]), // field 1: "a1"
        metadata,
        (error, answer) => (error ? reject(error) : resolve(answer)),
      );
    });

  it('are those of its clients: a request, its operation, and what that asks a host', async () => {
    const trace = newTrace();
    const begun = await gateway.call('post', '/v1/vms/a1:pause').set('traceparent', parent(trace));
    const operation = await gateway.ended((begun.body as Operation).id);
    const request = await named(trace, 'POST /v1/vms/:vm:pause');
    expect(request).toMatchObject({
      kind: SpanKind.SERVER,
      parent: SPAN,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/vms/:vm:pause',
        'url.path': '/v1/vms/a1:pause',
        'http.response.status_code': 202,
        'v3.request_id': begun.headers['x-request-id'],
      },
    });
    const done = await named(trace, 'operation pause');
    expect(done).toMatchObject({
      parent: request.spanId,
      attributes: {
        'v3.operation.id': operation.id,
        'v3.operation.verb': 'pause',
        'v3.operation.target': 'vms/a1',
      },
    });
    const ask = await named(trace, 'ask palacios.{host}.vm.pause');
    expect(ask).toMatchObject({ kind: SpanKind.CLIENT, parent: done.spanId });
    expect(asked.at(-1)?.headers?.get('traceparent')).toBe(`00-${trace}-${ask.spanId}-01`);
    await gateway.operate('post', '/v1/vms/a1:resume');
  });

  it('begin with a call over gRPC as with one over REST', async () => {
    const trace = newTrace();
    await getVm(parent(trace));
    const call = await named(trace, 'v3vee.v1.Vms/GetVm');
    expect(call).toMatchObject({
      kind: SpanKind.SERVER,
      parent: SPAN,
      attributes: { 'rpc.system': 'grpc', 'rpc.method': 'GetVm', 'rpc.grpc.status_code': 0 },
    });
    expect(await named(trace, 'GET /v1/vms/:vm')).toMatchObject({ parent: call.spanId });
  });

  it('end with a stream, and have the status of what fails', async () => {
    exporter.reset();
    const client = new GrpcClient({ address: gateway.grpcAddress, token: gateway.token });
    await expect(client.call('getVm', { vm: 'none' })).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    const { stop } = await client.stream('watchVms', {});
    stop();
    const watch = await found(({ name }) => name.endsWith('/WatchVms'));
    expect(watch.attributes).toMatchObject({ 'rpc.grpc.status_code': 1 });
    await found(each => each.parent === watch.spanId && each.name === 'GET /v1/vms:watch');
    client.close();
    const call = await found(({ name }) => name === 'v3vee.v1.Vms/GetVm');
    expect(call.attributes).toMatchObject({ 'rpc.grpc.status_code': 5 });
    expect(await found(({ name }) => name === 'GET /v1/vms/:vm')).toMatchObject({
      parent: call.spanId,
      status: 0,
      attributes: { 'http.response.status_code': 404, 'error.type': 'VM_NOT_FOUND' },
    });
  });

  it('are not begun where the client does not sample', async () => {
    const [not, trace] = [newTrace(), newTrace()];
    await gateway.call('get', '/v1/vms').set('traceparent', parent(not, '00'));
    exporter.reset();
    await getVm(parent(not, '00'));
    await gateway.call('get', '/v1/vms').set('traceparent', parent(trace));
    await named(trace, 'GET /v1/vms');
    // Nor as another trace: the request within a call goes on with what the client said.
    expect(spans().filter(({ name }) => /GetVm$|:vm$/.test(name))).toEqual([]);
    expect(ofTrace(not)).toEqual([]);
  });

  it('are not a stranger’s to fill: garbage begins a trace of its own, paths are cut, queries left out', async () => {
    const good = newTrace();
    exporter.reset();
    const garbage = ['x', `${parent(good)}-1`, `${parent(good)}, ${parent(good)}`, `cc${'-a'.repeat(4_000)}`];
    for (const traceparent of garbage) {
      const { status } = await gateway.call('get', '/v1/hosts').set('traceparent', traceparent);
      expect(status).toBe(200);
    }
    const path = `/v1/vms/${'v'.repeat(5_000)}?secret=1`;
    await gateway.call('get', path).set('traceparent', parent(good)).set('tracestate', '=;'.repeat(2_000));
    const cut = await named(good, 'GET /v1/vms/:vm');
    expect(cut.attributes['url.path']).toBe(`/v1/vms/${'v'.repeat(5_000)}`.slice(0, 256));
    const begun = spans().filter(({ name }) => name === 'GET /v1/hosts');
    expect(begun.map(each => each.parent)).toEqual(garbage.map(() => undefined));
    expect(ofTrace(good).map(({ name }) => name)).toEqual(['GET /v1/vms/:vm']);
  });
});
