import { once } from 'node:events';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Client as Channel, credentials, Metadata } from '@grpc/grpc-js';
import type { Stoppable } from '@v3vee/bus';
import {
  rawSubjects,
  restStreams,
  streams,
  type Operation,
  type StreamName,
  type Vm,
} from '@v3vee/contracts';
import { api, rpcName, serviceDefinition, type Wire } from '@v3vee/grpc';
import { serveCaptures, Taps } from '@v3vee/overlay';
import { PageStore } from '@v3vee/page-store';
import { EventRepository, SnapshotRepository } from '@v3vee/store';
import WebSocket from 'ws';
import { kernelBuffers } from '../testing/kernel-buffers.fixture';
import type { ScriptedHost } from '../testing/scripted-host.fixture';
import { TestGateway } from '../testing/test-gateway.fixture';

const MIB = 1 << 20;
const PIECE = 48 * 1024;
/** Of a state: a reader who is behind is told the latest only, so each has to be read before the next one. */
const STATE = MIB;
/** Once in each piece. */
const MARK = 'PIECE';

interface Reader {
  /** Marks that it has read. */
  marks(): number;
  bytes(): number;
  /** Ends without a word. */
  vanish(): void;
}
/** `isSlow`: it reads nothing. */
type Open = (isSlow: boolean) => Promise<Reader>;

interface Row {
  rest: Open;
  grpc: Open;
  /** Makes a piece that has this text; none: all is there from the start. */
  make?: (text: string) => Promise<unknown>;
  /** Bytes. */
  piece?: number;
  /** MiB that may wait in the gateway. */
  bound: number;
}

/** Each stream of the gateway, with one reader that stops reading, and one that does not. */
describe('a reader that stops reading', () => {
  let gateway: TestGateway;
  let alpha: ScriptedHost;
  /** A migration that is under way, and one that has ended. */
  let [moving, moved] = ['', ''];
  let vm: Vm;
  let taps: Taps;
  let capturing: Stoppable;
  let channel: Channel;
  let bytes: number;
  /** Where what was not sent yet waits in the gateway; calls over gRPC come by connections in the process. */
  const waiting = new Set<Duplex | ServerResponse>();
  beforeAll(async () => {
    gateway = await TestGateway.start();
    [alpha] = (await gateway.withHosts('alpha', 'beta')) as [ScriptedHost];
    await gateway.operate('post', '/v1/cluster:apply', {
      hosts: { beta: null, alpha: { nics: [{ name: 'eth0', model: 'rtl8139', network: 'lan' }] } },
      networks: { lan: {} },
    });
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics: [{ network: 'lan' }] });
    await gateway.operate('post', '/v1/vms/a1:start');
    for (const name of ['m1', 'm2']) {
      await gateway.ok('post', '/v1/vms', { name, host: 'alpha' });
      await gateway.operate('post', `/v1/vms/${name}:start`);
    }
    moved = (await gateway.operate('post', '/v1/vms/m1:migrate', { host: 'beta' })).id;
    alpha.migrations.holds.add('COPYING');
    moving = (await gateway.ok<Operation>('post', '/v1/vms/m2:migrate', { host: 'beta' })).id;
    await gateway.until(async () => alpha.migrations.sent.get(moving)?.progress.phase === 'COPYING');
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
    bytes = Math.ceil(((await kernelBuffers()) + 12 * MIB) / MIB) * MIB;
    const image = randomBytes(bytes);
    await saved(image);
    for (let at = 0; at < image.length; at += PIECE) image.write(MARK, at);
    const sha256 = createHash('sha256').update(image).digest('hex');
    await gateway.call('put', `/v1/blobs/${sha256}`).type('application/octet-stream').send(image).expect(201);
    await gateway.ok('post', '/v1/disks', { name: 'base', blob: sha256 });
  }, 120_000);
  afterAll(async () => {
    channel?.close();
    capturing?.stop();
    alpha?.migrations.release();
    await gateway?.stop();
  });

  /** A snapshot of a guest with this memory. */
  const saved = async (memory: Buffer) => {
    const store = await PageStore.open({ folder: join(gateway.folder, 'state', 'states'), owner: 'alpha' });
    const base = new Uint8Array(new SharedArrayBuffer(memory.length));
    base.set(memory);
    const memoryMiB = memory.length / MIB;
    const head = { format: 1, engineVersion: 'v86', memoryMiB, nicCount: 0, devices: Uint8Array.of(1) };
    const { digest } = await store.write({ ...head, base, changes: new Map() });
    await new SnapshotRepository(gateway.dataSource).insert({
      ...{ id: randomUUID(), name: 'large', vmId: vm.id, vmName: 'a1', host: 'alpha', memoryMiB, digest },
      ...{ bytes: 1, pages: 1, newPages: 1, pauseMs: null, parent: null, image: 'debian', nics: [] },
    });
  };
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
    (path: () => string): Open =>
    async isSlow => {
      const request = get({
        ...{ port: gateway.port, path: path(), agent: false },
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
    (name: string, request: () => Wire): Open =>
    async isSlow => {
      expect(restStreams).toHaveProperty(name);
      const { path, requestSerialize } = definitionOf(name);
      const call = channel.makeServerStreamRequest(
        path,
        requestSerialize,
        (it: Buffer) => it,
        request(),
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

  const traced = async (detail: string) => {
    const what = { vm: vm.id, event: 'write', register: 'ISR', offset: 62, size: 2, value: 1, class: 'open' };
    alpha.tracing(JSON.stringify({ atUs: 1_700_000_000_000_000, ...what, detail }));
    await gateway.bus.flush();
  };
  const printed = async (text: string) => {
    gateway.bus.publishRaw(rawSubjects.consoleOut('alpha', vm.id), Buffer.from(text));
    await gateway.bus.flush();
  };
  const captured = async (text: string) => {
    const frame = new Uint8Array(60 + text.length);
    frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, 0x45, 0], 12);
    frame.set(Buffer.from(text), 60);
    taps.core.see([frame], 'in');
    await gateway.bus.flush();
  };
  const told = async (reason: string) => {
    alpha.migrations.tell(moving, { reason });
    await gateway.bus.flush();
  };
  const logged = (kind: 'vm' | 'host' | 'migration' | 'operation', name: string, reason = '') =>
    new EventRepository(gateway.dataSource).log({
      ...{ kind, name, vm: null, project: null, before: null, state: 'CHANGED', reason },
    });
  /** Writes the text into a row, and that something has changed into the log. */
  const changed =
    (kind: 'vm' | 'host' | 'migration' | 'operation', sql: string, name: () => string, key = name) =>
    async (text: string) => {
      await gateway.dataSource.query(sql, [text, key()]);
      await logged(kind, name());
    };

  /** A stream under its address and its RPC. */
  const both = (name: StreamName, query: Record<string, string> = {}, inPath: () => object = () => ({})) => ({
    rest: byRest(() => {
      const path = Object.entries(inPath()).reduce(
        (text, [key, value]) => text.replace(`{${key}}`, encodeURIComponent(String(value))),
        streams[name].path as string,
      );
      return `${path}?${new URLSearchParams(query)}`;
    }),
    grpc: byGrpc(name, () => ({ ...query, ...inPath() })),
  });
  const table: Partial<Record<StreamName, Row>> = {
    traceDevice: { ...both('traceDevice', { device: 'alpha/eth0' }), make: traced, bound: 9 },
    capture: { ...both('capture', { point: 'host/alpha' }), make: captured, bound: 9 },
    console: { rest: consoleByWebSocket, grpc: consoleByGrpc, make: printed, bound: 2 },
    exportDisk: { ...both('exportDisk', {}, () => ({ disk: 'base' })), bound: 1 },
    exportSnapshot: { ...both('exportSnapshot', {}, () => ({ snapshot: 'large' })), bound: 1 },
    // Before the one that is under way has a long reason, too.
    watchMigrations: {
      ...{ ...both('watchMigrations'), piece: STATE, bound: 2 },
      make: changed(
        'migration',
        `UPDATE vm_migration SET progress = jsonb_set(progress, '{reason}', to_jsonb($1::text)) WHERE id = $2`,
        () => moved,
      ),
    },
    watchMigration: { ...both('watchMigration', {}, () => ({ migration: moving })), make: told, bound: 9 },
    watchEvents: { ...both('watchEvents'), make: text => logged('host', 'n', text), bound: 1 },
    watchVms: {
      ...{ ...both('watchVms'), piece: STATE, bound: 2 },
      make: changed(
        'vm',
        'UPDATE vm_status SET reason = $1 WHERE vm_id = $2',
        () => 'a1',
        () => vm.id,
      ),
    },
    watchHosts: {
      ...{ ...both('watchHosts'), piece: STATE, bound: 2 },
      make: changed(
        'host',
        `UPDATE host SET nics = jsonb_build_array(jsonb_build_object('name', $1::text)) WHERE name = $2`,
        () => 'beta',
      ),
    },
    watchOperations: {
      ...{ ...both('watchOperations'), piece: STATE, bound: 2 },
      make: changed('operation', 'UPDATE operation SET progress = $1 WHERE id = $2', () => moved),
    },
  };

  it('is tried with each stream that there is', () => {
    const lasting = Object.entries(restStreams).filter(
      ([, { answers }]) => 'lines' in answers || 'bytes' in answers,
    );
    expect(Object.keys(table).sort()).toEqual([...lasting.map(([name]) => name), 'console'].sort());
  });

  const rows = Object.entries(table).flatMap(([name, row]) =>
    (['rest', 'grpc'] as const).map(door => [name, door, row] as const),
  );
  it.each(rows)(
    'of %s by %s: bounded memory, others get all, and nothing is left of it',
    async (_, door, { make, piece = PIECE, bound, ...open }) => {
      const before = gateway.listening;
      const pieces = Math.ceil(bytes / piece);
      const text = MARK + 'x'.repeat(piece - MARK.length);
      // Nothing of an earlier one is there.
      await make?.('');
      const slow = await open[door](true);
      const other = await open[door](false);
      try {
        let most = 0;
        const look = () => {
          for (const { writableLength } of waiting) most = Math.max(most, writableLength);
        };
        const has = (count: number) => gateway.until(async () => other.marks() >= count);
        if (make) {
          for (let made = 1; made <= pieces; made++) {
            await make(text);
            look();
            // As fast as a reader who reads.
            await has(piece === STATE ? made : made - 20);
          }
        } else {
          while (other.bytes() < bytes) {
            look();
            await new Promise(resolve => setImmediate(resolve));
          }
        }
        look();
        if (make) await has(pieces);
        expect(most).toBeLessThanOrEqual(bound * MIB);
        expect(other.bytes()).toBeGreaterThanOrEqual(bytes);
      } finally {
        slow.vanish();
        other.vanish();
      }
      await gateway.until(async () => gateway.listening === before);
    },
    120_000,
  );
});
