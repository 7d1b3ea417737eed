import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bus } from '@v3vee/bus';
import { snapshotCalls, type SnapshotLabel } from '@v3vee/contracts';
import type { MachineCut } from '@v3vee/machine';
import {
  createDataSource,
  HostRepository,
  labelOf,
  migrate,
  SnapshotRepository,
  StateStore,
  VmRepository,
  type VmDefinition,
} from '@v3vee/store';
import { testNats, testPostgres } from '@v3vee/testkit';
import { Registry } from 'prom-client';
import { StoredDefinitions } from '../records/definitions';
import { StoredStates } from '../records/saved-states';
import { StoredSnapshots } from '../records/snapshots';
import { PageStoreMetrics } from './page-store-metrics';
import { serveSnapshots } from './snapshot-calls';

/** A real database, bus and store; the machines' memory is made up. */
describe('saved states of a host', () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  let folder: string;
  let nats: Awaited<ReturnType<typeof testNats>>;
  let postgres: Awaited<ReturnType<typeof testPostgres>>;
  let bus: Bus;
  let dataSource: ReturnType<typeof createDataSource>;
  let repository: SnapshotRepository;
  let states: StoredStates;
  let snapshots: StoredSnapshots;
  let a1: VmDefinition;
  let b1: VmDefinition;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'v3-snapshots-'));
    [nats, postgres] = await Promise.all([testNats(), testPostgres()]);
    bus = await Bus.connect({ url: nats.url, name: 'test' });
    dataSource = createDataSource(postgres.url);
    await migrate(dataSource);
    await new HostRepository(dataSource).save({
      ...{ name: 'alpha', memoryMiB: 1024, cores: 8, nics: [], radios: [] },
    });
    const vms = new VmRepository(dataSource);
    const spec = {
      host: 'alpha',
      image: 'debian',
      autostart: false,
      boot: 'template',
      managed: false,
    } as const;
    a1 = await vms.create({ ...spec, name: 'a1', memoryMiB: 32, nics: [] });
    b1 = await vms.create({ ...spec, name: 'b1', memoryMiB: 64, nics: [] });
    repository = new SnapshotRepository(dataSource);
    const store = await StateStore.open({ folder: join(folder, 'states'), dataSource, owner: 'alpha' });
    states = new StoredStates(store, log);
    snapshots = new StoredSnapshots('alpha', repository, states);
    const definitions = new StoredDefinitions('alpha', vms);
    await mkdir(join(folder, 'blobs'));
    serveSnapshots({ bus, host: 'alpha', definitions, states, snapshots, blobs: join(folder, 'blobs') });
  }, 60_000);
  afterAll(async () => {
    await states?.close();
    await bus?.close();
    await dataSource?.destroy();
    await Promise.all([nats?.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const { id } of await repository.list({ limit: 100 })) await snapshots.remove(id);
    await states.collect();
  });

  const cut = (pages: Record<number, number>, pauseMs = 4): MachineCut => ({
    ...{ format: 1, engineVersion: 'v86', memoryMiB: 32, nicCount: 0, devices: Uint8Array.of(1, 2) },
    base: undefined,
    changes: new Map(
      Object.entries(pages).map(([page, content]) => [Number(page), new Uint8Array(4096).fill(content)]),
    ),
    pauseMs,
  });
  const upload = async (file: Uint8Array): Promise<string> => {
    const blob = createHash('sha256').update(file).digest('hex');
    await writeFile(join(folder, 'blobs', blob), file);
    return blob;
  };
  async function exported(id: string, change: Partial<SnapshotLabel> = {}): Promise<Buffer> {
    const snapshot = await snapshots.get(id);
    const label = Buffer.from(JSON.stringify({ ...labelOf(snapshot), ...change }));
    const parts: Buffer[] = [];
    for await (const part of states.store.export(snapshot.digest, label)) parts.push(part);
    return Buffer.concat(parts);
  }
  const importing = (blob: string, vm: VmDefinition, name?: string) =>
    bus.call(snapshotCalls.import, 'alpha', { blob, vm: vm.id, name });

  it('say what is new in them, what was before them, and for how long the guest stood still', async () => {
    const first = await snapshots.create(a1, 'first', cut({ 1: 1, 2: 2, 3: 3 }));
    const second = await snapshots.create(a1, 'second', cut({ 1: 1, 2: 2, 3: 9 }, 0), 'checkpoint');
    expect(first).toMatchObject({ pages: 3, newPages: 3, pauseMs: 4, parent: null, kind: 'named' });
    expect(second).toMatchObject({
      pages: 3,
      newPages: 1,
      pauseMs: null,
      parent: first.id,
      kind: 'checkpoint',
    });
    expect(await bus.call(snapshotCalls.describe, 'alpha', { snapshotId: second.id })).toMatchObject({
      ...{ uniquePages: 1, sharedPages: 2 },
    });
  });

  it('are verified, and what is damaged is named', async () => {
    const { id, digest } = await snapshots.create(a1, 'good', cut({ 5: 5 }));
    const verify = () => bus.call(snapshotCalls.verify, 'alpha', { snapshotId: id });
    expect(await verify()).toEqual({ intact: true, pages: 1, damagedPages: 0, damage: [] });
    const packs = join(folder, 'states', 'packs');
    const pack = (await readdir(packs)).find(name => name.endsWith('.pack')) as string;
    const whole = await readFile(join(packs, pack));
    await writeFile(join(packs, pack), Buffer.concat([whole.subarray(0, -1), Buffer.of(whole.at(-1)! ^ 1)]));
    const found = await verify();
    expect(found).toMatchObject({ intact: false, pages: 0, damagedPages: 1 });
    expect(found.damage).toEqual([expect.stringContaining(`page 5`)]);
    expect(found.damage[0]).toContain(digest);
    await writeFile(join(packs, pack), whole);
    expect(await verify()).toMatchObject({ intact: true });
  });

  it('come back from a file, of the same VM or another one', async () => {
    const { id, digest } = await snapshots.create(a1, 'good', cut({ 5: 5, 6: 6 }));
    const file = await exported(id);
    await snapshots.remove(id);
    await states.collect();
    const back = await importing(await upload(file), a1);
    expect(back).toMatchObject({ name: 'good', vmName: 'a1', digest, pages: 2, newPages: 2, pauseMs: null });
    expect(await importing(await upload(file), a1, 'other')).toMatchObject({ name: 'other', newPages: 0 });
    await expect(importing(await upload(file), a1)).rejects.toMatchObject({ code: 'SNAPSHOT_EXISTS' });
    expect((await states.read(digest)).memory[5 * 4096]).toBe(5);
  });

  it.each<[string, (file: Buffer) => Buffer, string]>([
    ['nothing', () => Buffer.from('x'), 'STATE_INVALID'],
    ['only the beginning', file => file.subarray(0, -40), 'STATE_INVALID'],
    [
      'a flipped bit',
      file => Buffer.from(file.map((byte, at) => (at === file.length - 60 ? byte ^ 1 : byte))),
      'STATE_INVALID',
    ],
  ])('are not made of %s', async (_, change, code) => {
    const { id } = await snapshots.create(a1, 'good', cut({ 5: 5 }));
    const file = change(await exported(id));
    await expect(importing(await upload(file), a1, 'bad')).rejects.toMatchObject({ code });
    expect((await repository.list({ limit: 10 })).map(({ name }) => name)).toEqual(['good']);
    expect(await readdir(join(folder, 'states', 'incoming'))).toEqual([]);
  });

  it('are not made of a file with a label of somebody else, for a VM that is another shape, or of no file', async () => {
    const { id } = await snapshots.create(a1, 'good', cut({ 5: 5 }));
    const stranger = await upload(await exported(id, { name: '../etc' }));
    await expect(importing(stranger, a1)).rejects.toMatchObject({ code: 'STATE_INVALID' });
    const file = await upload(await exported(id));
    await expect(importing(file, b1)).rejects.toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      message: expect.stringContaining('32 MiB of memory') as string,
    });
    await expect(importing('0'.repeat(64), a1)).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });
    await expect(importing(file, { ...a1, id: id })).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(await repository.list({ limit: 10 })).toHaveLength(1);
  });

  it('are freed when nobody has them, and counted', async () => {
    const registry = new Registry();
    new PageStoreMetrics({ registry, states });
    const read = async (name: string) => {
      const line = (await registry.metrics())
        .split('\n')
        .find(each => each.startsWith(`v3_page_store_${name} `));
      return Number(line?.split(' ')[1]);
    };
    const written = await read('written_pages_total');
    const first = await snapshots.create(a1, 'first', cut({ 1: 1, 2: 2, 3: 3 }));
    await snapshots.create(a1, 'second', cut({ 1: 1, 2: 2, 3: 9 }));
    expect([await read('states'), await read('pages'), await read('logical_bytes')]).toEqual([
      2,
      4,
      6 * 4096,
    ]);
    expect([await read('dedup_ratio'), (await read('written_pages_total')) - written]).toEqual([1.5, 4]);
    await snapshots.remove(first.id);
    for (const { id } of await repository.list({ limit: 9 })) await snapshots.remove(id);
    const freed = await read('freed_bytes_total');
    // Whether this one frees it or the one that began by itself at the first removal.
    const collected = await bus.call(snapshotCalls.collect, 'alpha', {});
    expect(collected).toMatchObject({
      snapshots: 0,
      pages: 0,
      storedBytes: 0,
      logicalBytes: 0,
      quotaBytes: null,
    });
    expect(await read('freed_bytes_total')).toBe(freed + collected.freedBytes);
    expect(await readdir(join(folder, 'states', 'packs'))).toEqual([]);
  });
});
