import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  snapshotCalls,
  V3Error,
  type Snapshot,
  type SnapshotCollection,
  type SnapshotDetail,
  type SnapshotVerification,
  type Vm,
} from '@v3vee/contracts';
import { PageStore } from '@v3vee/page-store';
import { SnapshotRepository } from '@v3vee/store';
import { TestGateway } from '../testing/test-gateway.fixture';

const found = { intact: true, pages: 300, damagedPages: 0, damage: [] };
const storage = { uniquePages: 1, uniqueBytes: 2, sharedPages: 3, sharedBytes: 4 };

describe('snapshots', () => {
  let gateway: TestGateway;
  let vm: Vm;
  let snapshot: { id: string; digest: string };
  let store: PageStore;
  /** What the host was asked, and what it refuses. */
  let asked: object[] = [];
  let refusal: V3Error | undefined;

  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.withHosts('alpha');
    const { bus } = gateway;
    const answer =
      <T>(value: T) =>
      async (request: object): Promise<T> => {
        asked.push(request);
        if (refusal) throw refusal;
        return value;
      };
    vm = await gateway.ok<Vm>('post', '/v1/vms', { name: 'a1', host: 'alpha', nics: [] });
    store = await PageStore.open({ folder: join(gateway.folder, 'state', 'states'), owner: 'alpha' });
    const base = new Uint8Array(new SharedArrayBuffer(64 << 20));
    for (let page = 0; page < 300; page++) base.fill(page + 1, page * 4096, page * 4096 + 2000 + page);
    const head = { format: 1, engineVersion: 'v86', memoryMiB: 64, nicCount: 0, devices: Uint8Array.of(1) };
    const { digest } = await store.write({ ...head, base, changes: new Map() });
    const row = {
      id: randomUUID(),
      name: 'good',
      vmId: vm.id,
      vmName: 'a1',
      host: 'alpha',
      memoryMiB: 64,
      digest,
    };
    const sizes = { bytes: 1, pages: 300, newPages: 300, pauseMs: 12.5, parent: null };
    const entity = await new SnapshotRepository(gateway.dataSource).insert({
      ...{ ...row, ...sizes, image: 'debian', nics: [] },
    });
    snapshot = entity;
    const shown = { ...entity, createdAt: entity.createdAt.toISOString() };
    bus.serve(snapshotCalls.verify, 'alpha', answer(found));
    bus.serve(snapshotCalls.describe, 'alpha', answer(storage));
    bus.serve(snapshotCalls.import, 'alpha', answer({ ...shown, name: 'imported' }));
    const stats = {
      snapshots: 1,
      pages: 300,
      storedBytes: 9,
      logicalBytes: 8,
      quotaBytes: null,
      freedBytes: 7,
    };
    bus.serve(snapshotCalls.collect, 'alpha', answer(stats));
    // From here on there is somebody to ask.
    await bus.flush();
  });
  afterAll(() => gateway?.stop());
  beforeEach(() => {
    asked = [];
    refusal = undefined;
  });

  const exported = async (name = 'good') => {
    const headers = { authorization: `Bearer ${gateway.token}` };
    const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/snapshots/${name}:export`, { headers });
    return {
      status: response.status,
      headers: response.headers,
      file: Buffer.from(await response.arrayBuffer()),
    };
  };
  const upload = async (file: Buffer) => {
    const blob = createHash('sha256').update(file).digest('hex');
    const put = gateway.call('put', `/v1/blobs/${blob}`).type('application/octet-stream');
    expect((await put.send(file)).status).toBe(201);
    return blob;
  };

  it('are shown with what they take on disk, or without where nobody knows', async () => {
    const shown = await gateway.ok<SnapshotDetail>('get', '/v1/snapshots/good');
    expect(shown).toMatchObject({ id: snapshot.id, pages: 300, pauseMs: 12.5, parent: null, storage });
    refusal = new V3Error('STATE_CORRUPT', 'it is damaged');
    expect(await gateway.ok<SnapshotDetail>('get', '/v1/snapshots/good')).toMatchObject({ storage: null });
  });

  it('are verified by their host', async () => {
    expect(await gateway.ok<SnapshotVerification>('post', '/v1/snapshots/good:verify')).toEqual(found);
    expect(asked).toEqual([{ snapshotId: snapshot.id }]);
    expect((await gateway.call('post', '/v1/snapshots/none:verify')).body).toMatchObject({
      code: 'SNAPSHOT_NOT_FOUND',
    });
  });

  it('are collected by any host', async () => {
    expect(await gateway.ok<SnapshotCollection>('post', '/v1/snapshots:gc')).toMatchObject({
      freedBytes: 7,
      pages: 300,
    });
  });

  it('leave as a file and come back as one', async () => {
    const response = await exported();
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'application/octet-stream',
    ]);
    expect(response.headers.get('content-disposition')).toContain('a1-good.v3snapshot');
    const { file } = response;
    const elsewhere = await PageStore.open({ folder: join(gateway.folder, 'elsewhere'), owner: 'x' });
    const parts = async function* () {
      yield file;
    };
    expect(await elsewhere.importFrom(parts())).toBe(snapshot.digest);

    // Its VM is that of its name, unless another one is named.
    const blob = await upload(file);
    const imported = await gateway.ok<Snapshot>('post', '/v1/snapshots:import', { blob });
    expect([imported.name, asked]).toEqual(['imported', [{ blob, vm: vm.id }]]);
    expect(await readdir(join(gateway.folder, 'state', 'blobs'))).toEqual([]);
    expect((await gateway.call('post', '/v1/snapshots:import', { blob })).body).toMatchObject({
      code: 'BLOB_NOT_FOUND',
    });
    await upload(file);
    const named = { blob, vm: 'a1', name: 'mine' };
    await gateway.ok('post', '/v1/snapshots:import', named);
    expect(asked.at(-1)).toEqual({ blob, vm: vm.id, name: 'mine' });
  });

  it('that are none are refused before a host is asked, and what a host refuses is told', async () => {
    const blob = await upload(Buffer.from('not a snapshot'));
    const refused = async (body: object) =>
      (await gateway.call('post', '/v1/snapshots:import', body)).body as object;
    expect(await refused({ blob })).toMatchObject({ code: 'STATE_INVALID' });
    expect(await refused({ blob, vm: 'nobody' })).toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(await refused({ blob: 'x' })).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(asked).toEqual([]);
    refusal = new V3Error('STATE_INVALID', 'it ends early');
    expect(await refused({ blob, vm: 'a1' })).toMatchObject({
      code: 'STATE_INVALID',
      detail: 'it ends early',
    });
  });

  it('that are damaged are not sent as if they were whole', async () => {
    const folder = join(gateway.folder, 'state', 'states', 'packs');
    const [name] = (await readdir(folder)).filter(each => each.endsWith('.pack'));
    const pack = join(folder, name as string);
    const whole = await readFile(pack);
    const ending = () =>
      exported()
        .then(({ status }) => status)
        .catch(() => 'cut off');
    // In the last pages: what came before them has been sent when that is found.
    await writeFile(pack, Buffer.concat([whole.subarray(0, -9), Buffer.alloc(9)]));
    expect(await ending()).toBe('cut off');
    await truncate(pack, 10_000);
    expect(await ending()).toBe(500);
    await writeFile(pack, whole);
    expect([await ending(), (await exported('none')).status]).toEqual([200, 404]);
  });
});
