import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { Client as Channel, credentials, Metadata } from '@grpc/grpc-js';
import type { Stoppable } from '@v3vee/bus';
import { rawSubjects, restStreams, type RestStreamName, type Vm } from '@v3vee/contracts';
import { api, rpcName, serviceDefinition, type Wire } from '@v3vee/grpc';
import { serveCaptures, Taps } from '@v3vee/overlay';
import { EventRepository } from '@v3vee/store';
import WebSocket from 'ws';
import { kernelBuffers } from '../testing/kernel-buffers.fixture';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const MIB = 1 << 20;
const PIECE = 48 * 1024;
/** Once in each piece. */
const MARK = 'PIECE';
const text = MARK + 'x'.repeat(PIECE - MARK.length);

interface Reader {
  /** Marks that it has read. */
  marks(): number;
  bytes(): number;
  /** Ends without a word. */
  vanish(): void;
}
/** `isSlow`: it reads nothing. */
type Open = (isSlow: boolean) => Promise<Reader>;

/** Each stream of the gateway, with one reader that stops reading, and one that does not. */
describe('a reader that stops reading', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  let vm: Vm;
  let taps: Taps;
  let capturing: Stoppable;
  let channel: Channel;
  let pieces: number;
  /** Where what was not sent yet waits in the gateway; calls over gRPC come by connections in the process. */
  const waiting = new Set<Duplex | ServerResponse>();
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha')) as [ScriptedHost];
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { alpha: { nics: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }] } },
      networks: { lan: {} },
    });
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics: [{ network: 'lan' }] });
    await gateway.operate('post', '/v1/vms/a1:start');
    taps = new Taps();
    capturing = serveCaptures({ bus: gateway.bus, host: 'alpha', taps });
    channel = new Channel(gateway.grpcAddress, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
    });
    const watch = <T extends Duplex | ServerResponse>(each: T) => {
      waiting.add(each);
      each.once('close', () => waiting.delete(each));
    };
    gateway.server.on('connection', watch);
    gateway.server.on('request', (_: IncomingMessage, response: ServerResponse) => watch(response));
    // What the kernel holds for both ends, what the gateway may, and more.
    pieces = Math.ceil(((await kernelBuffers()) + 12 * MIB) / PIECE);
    const image = randomBytes(Math.ceil((pieces * PIECE) / MIB) * MIB);
    for (let at = 0; at < image.length; at += PIECE) image.write(MARK, at);
    const sha256 = createHash('sha256').update(image).digest('hex');
    await gateway.call('put', `/v1/blobs/${sha256}`).type('application/octet-stream').send(image).expect(201);
    await gateway.ok('post', '/v1/disks', { name: 'base', blob: sha256 });
  }, 120_000);
  afterAll(async () => {
    channel?.close();
    capturing?.stop();
    await gateway?.stop();
  });

  const counting = (vanish: () => void) => {
    let [marks, bytes, tail] = [0, 0, ''];
    return {
      take: (part: Buffer | string) => {
        const all = tail + part.toString('latin1' as BufferEncoding);
        marks += all.split(MARK).length - 1;
        bytes += part.length;
        tail = all.slice(1 - MARK.length);
      },
      reader: { marks: () => marks, bytes: () => bytes, vanish },
    };
  };
  const byRest =
    (path: string): Open =>
    async isSlow => {
      const request = get({
        ...{ port: gateway.port, path, agent: false },
        headers: { authorization: `Bearer ${gateway.token}` },
      });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(200);
      const { take, reader } = counting(() => request.destroy());
      response.on('error', () => undefined);
      if (!isSlow) response.on('data', take);
      return reader;
    };
  const authorized = () => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${gateway.token}`);
    return metadata;
  };
  const definitionOf = (name: string) => {
    const service = api().services.find(({ rpcs }) => rpcs.some(rpc => rpc.name === name))!;
    return serviceDefinition(service)[rpcName({ name })]!;
  };
  const byGrpc =
    (name: RestStreamName, request: Wire): Open =>
    async isSlow => {
      expect(restStreams).toHaveProperty(name);
      const { path, requestSerialize } = definitionOf(name);
      const call = channel.makeServerStreamRequest(
        path,
        requestSerialize,
        (it: Buffer) => it,
        request,
        authorized(),
      );
      const { take, reader } = counting(() => call.cancel());
      call.on('error', () => undefined);
      await once(call, 'metadata');
      if (!isSlow) call.on('data', take);
      return reader;
    };
  const consoleByWebSocket: Open = async isSlow => {
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/v1/vms/a1/console`, {
      headers: { authorization: `Bearer ${gateway.token}` },
    });
    const { take, reader } = counting(() => socket.terminate());
    socket.on('message', data => take(data as Buffer));
    await once(socket, 'message');
    if (isSlow) socket.pause();
    return reader;
  };
  const consoleByGrpc: Open = async isSlow => {
    const { path, requestSerialize } = definitionOf('console');
    const call = channel.makeBidiStreamRequest(path, requestSerialize, (it: Buffer) => it, authorized());
    const { take, reader } = counting(() => call.cancel());
    call.on('error', () => undefined);
    call.write({ vm: 'a1' });
    call.on('data', take);
    await once(call, 'data');
    if (isSlow) call.pause();
    return reader;
  };

  const event = () =>
    JSON.stringify({
      ...{ atUs: 1_700_000_000_000_000, vm: vm.id, event: 'write', register: 'ISR', offset: 62, size: 2 },
      ...{ value: 1, class: 'open', detail: text },
    });
  const frame = () => {
    const bytes = new Uint8Array(12 + PIECE);
    bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0], 12);
    bytes.set(Buffer.from(MARK), 12 + 40);
    return bytes;
  };
  const traced = async () => {
    alpha.tracing(event());
    await gateway.bus.flush();
  };
  const printed = async () => {
    gateway.bus.publishRaw(rawSubjects.consoleOut('alpha', vm.id), Buffer.from(text));
    await gateway.bus.flush();
  };
  const captured = async () => {
    taps.core.see([frame()], 'in');
    await gateway.bus.flush();
  };
  const logged = () =>
    new EventRepository(gateway.dataSource).log({
      ...{ kind: 'host', name: 'n', vm: null, project: null, before: null, state: 'DECLARED', reason: text },
    });
  const nothing = () => Promise.resolve();

  it.each<[string, Open, () => Promise<unknown>, number]>([
    // what, how it is read, what makes a piece, MiB that may wait in the gateway
    ['a trace', byRest('/v1/dmm/trace?device=alpha%2Feth0'), traced, 9],
    ['a trace by gRPC', byGrpc('traceDevice', { device: 'alpha/eth0' }), traced, 9],
    ['a capture', byRest('/v1/captures?point=host/alpha'), captured, 9],
    ['a capture by gRPC', byGrpc('capture', { point: 'host/alpha' }), captured, 9],
    ['a watch', byRest('/v1/events:watch'), logged, 1],
    ['a watch by gRPC', byGrpc('watchEvents', {}), logged, 1],
    ['a console', consoleByWebSocket, printed, 2],
    ['a console by gRPC', consoleByGrpc, printed, 2],
    ['a disk', byRest('/v1/disks/base:export'), nothing, 1],
    ['a disk by gRPC', byGrpc('exportDisk', { disk: 'base' }), nothing, 1],
  ])(
    '%s: bounded memory, others get all, and nothing is left of it',
    async (_, open, make, bound) => {
      const before = gateway.listening;
      const slow = await open(true);
      const other = await open(false);
      let most = 0;
      const look = () => {
        for (const { writableLength } of waiting) most = Math.max(most, writableLength);
      };
      let made = 0;
      const all = () => other.marks() >= pieces;
      const behind = () => made - other.marks() > 20;
      while (!all() && made < pieces) {
        if (make !== nothing) made++;
        await make();
        look();
        // As fast as a reader who reads.
        if (behind()) await gateway.until(async () => !behind());
        if (make === nothing) await new Promise(resolve => setImmediate(resolve));
      }
      await gateway.until(async () => all());
      look();
      expect(most).toBeLessThanOrEqual(bound * MIB);
      expect(other.bytes()).toBeGreaterThanOrEqual(pieces * PIECE);
      slow.vanish();
      other.vanish();
      await gateway.until(async () => gateway.listening === before);
    },
    120_000,
  );
});
