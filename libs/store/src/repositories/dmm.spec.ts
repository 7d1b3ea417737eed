import { randomUUID } from 'node:crypto';
import { serialize } from 'node:v8';
import { defaultDmmPolicy } from '@v3vee/contracts';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import type { DmmContextEntity } from '../entities';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { DmmContextRepository } from './dmm-context.repository';
import { DmmPolicyRepository } from './dmm-policy.repository';
import { DmmViolationRepository, type NewDmmViolation } from './dmm-violation.repository';
import { HostRepository } from './host.repository';
import { VmRepository } from './vm.repository';

let postgres: TestPostgres;
let source: DataSource;
let vms: VmRepository;

const addVm = async (name: string) => {
  const definition = { ...{ name, host: 'alpha', memoryMiB: 64, image: 'debian' }, autostart: false };
  return (await vms.create({ ...definition, boot: 'template', managed: false, nics: [] })).id;
};

beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  vms = new VmRepository(source);
  await new HostRepository(source).save({ name: 'alpha', memoryMiB: 64, cores: 1, nics: [], radios: [] });
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});

describe('policies', () => {
  it('keep what was set, and are as by default in all else', async () => {
    const policies = new DmmPolicyRepository(source);
    expect(await policies.get('alpha/eth0')).toEqual(defaultDmmPolicy);
    expect(await policies.save('alpha/eth0', { sliceMs: 50 })).toEqual({ ...defaultDmmPolicy, sliceMs: 50 });
    await Promise.all([
      policies.save('alpha/eth0', { onFrame: false }),
      policies.save('alpha/eth0', { onViolation: 'stop' }),
    ]);
    const changed = { ...defaultDmmPolicy, sliceMs: 50, onFrame: false, onViolation: 'stop' };
    expect(await policies.save('alpha/eth0', {})).toEqual(changed);
    expect(await policies.get('alpha/eth0')).toEqual(changed);
    expect([...(await policies.all())]).toEqual([['alpha/eth0', changed]]);
  });
});

describe('contexts', () => {
  let contexts: DmmContextRepository;
  const context = (vmId: string, more: Partial<DmmContextEntity> = {}): DmmContextEntity => ({
    ...{ device: 'alpha/eth0', vmId, epoch: 1, forced: false, state: { page: 1 } },
    ...{ context: serialize({ registers: {}, memory: new Uint8Array(16) }), savedAt: new Date(0) },
    ...more,
  });
  beforeEach(() => {
    contexts = new DmmContextRepository(source);
  });

  it('are replaced by the next one, but not by one of an older epoch', async () => {
    const vmId = await addVm('a1');
    await contexts.save(context(vmId, { epoch: 2 }));
    const next = context(vmId, { epoch: 2, forced: true, state: { page: 2 }, savedAt: new Date(1_000) });
    await contexts.save(next);
    await contexts.save(context(vmId, { epoch: 1, savedAt: new Date(2_000) }));
    expect(await contexts.get('alpha/eth0', vmId)).toEqual(next);
    expect(await contexts.get('alpha/eth1', vmId)).toBeNull();
    expect(await contexts.get('alpha/eth0', 'no uuid')).toBeNull();
  });

  it('are listed in pages with their VM and size, and go with it', async () => {
    const [b, c] = [await addVm('b1'), await addVm('c1')];
    await contexts.save(context(c));
    await contexts.save(context(b));
    await contexts.save(context(b, { device: 'alpha/eth1' }));
    const all = await contexts.list({ limit: 10 });
    expect(all.map(({ device, vm }) => `${device} ${vm}`)).toEqual([
      ...['alpha/eth0 a1', 'alpha/eth0 b1', 'alpha/eth0 c1'],
      'alpha/eth1 b1',
    ]);
    const { context: bytes, ...columns } = context(b);
    expect(all[1]).toEqual({ ...columns, vm: 'b1', bytes: bytes.length });
    const [first] = await contexts.list({ limit: 1 });
    expect(await contexts.list({ limit: 10, after: first })).toEqual(all.slice(1));
    expect(await contexts.list({ limit: 10, device: 'alpha/eth1' })).toEqual(all.slice(3));
    expect([...(await contexts.countByDevice())].sort()).toEqual([
      ['alpha/eth0', 3],
      ['alpha/eth1', 1],
    ]);
    await vms.remove(b);
    // What the DMM still had to write of it is not an error, and no row.
    await contexts.save(context(b));
    expect((await contexts.list({ limit: 10 })).map(({ vm }) => vm)).toEqual(['a1', 'c1']);
  });
});

describe('violations', () => {
  let minute = 0;
  const violation = (vmId: string, more: Partial<NewDmmViolation> = {}): NewDmmViolation => ({
    ...{ id: randomUUID(), device: 'alpha/eth0', vmId, register: 'TSAD0', direction: 'read', length: 1792 },
    ...{ address: 0x4000_0000, action: 'deny', at: new Date(60_000 * minute++), ...more },
  });
  afterEach(() => source.query('DELETE FROM dmm_violation'));

  it('are listed newest first in pages, and stay when their VM goes', async () => {
    const violations = new DmmViolationRepository(source);
    const vmId = await addVm('evil');
    const stranger = randomUUID();
    const rows = [
      ...[violation(vmId), violation(vmId), violation(vmId, { address: 2 ** 63, length: 2 ** 40 })],
      violation(stranger, { device: 'alpha/eth1' }),
    ];
    await violations.insert(rows);
    await violations.insert(rows.slice(0, 1));
    await violations.insert([]);
    await vms.remove(vmId);
    const all = await violations.list({ limit: 10 });
    expect(all).toEqual(
      [...rows].reverse().map(row => ({ ...row, vm: row.vmId === vmId ? 'evil' : stranger })),
    );
    const [first] = await violations.list({ limit: 1 });
    const after = { createdAt: first!.at, id: first!.id };
    expect(await violations.list({ limit: 10, after })).toEqual(all.slice(1));
    expect(await violations.list({ limit: 2, after, device: 'alpha/eth0' })).toEqual(all.slice(1, 3));
    expect([...(await violations.countByDevice())].sort()).toEqual([
      ['alpha/eth0', 3],
      ['alpha/eth1', 1],
    ]);
  });

  it('of one instant have an order too, and only the latest of a device are kept', async () => {
    const violations = new DmmViolationRepository(source, 3);
    const vmId = randomUUID();
    const other = violation(vmId, { device: 'alpha/eth1' });
    const at = new Date(60_000 * (minute + 10));
    const many = Array.from({ length: 5 }, () => violation(vmId, { at }));
    await violations.insert([other, violation(vmId), ...many]);
    const kept = many
      .map(({ id }) => id)
      .sort()
      .reverse()
      .slice(0, 3);
    const ids = async () => (await violations.list({ limit: 10 })).map(({ id }) => id);
    expect(await ids()).toEqual([...kept, other.id]);
    const latest = violation(vmId, { at: new Date(at.getTime() + 1) });
    await violations.insert([latest]);
    expect(await ids()).toEqual([latest.id, ...kept.slice(0, 2), other.id]);
  });

  it('are written all or none', async () => {
    const violations = new DmmViolationRepository(source);
    const bad = violation(randomUUID(), { address: -1 });
    await expect(violations.insert([violation(randomUUID()), bad])).rejects.toThrow(/check constraint/);
    expect(await violations.list({ limit: 1 })).toEqual([]);
  });
});
