import type { PhysicalNic } from '@v3vee/contracts';
import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import type { NetworkEntity } from '../entities';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { HostRepository } from './host.repository';
import { NetworkRepository } from './network.repository';
import { VmRepository, type NewNic } from './vm.repository';

let postgres: TestPostgres;
let source: DataSource;
let hosts: HostRepository;
let vms: VmRepository;
let lan: NetworkEntity;

const eth0: PhysicalNic = { name: 'eth0', model: 'rtl8139', network: 'lan' };
const eth1: PhysicalNic = { name: 'eth1', model: 'ne2000', network: 'lan' };

beforeAll(async () => {
  postgres = await testPostgres();
  source = createDataSource(postgres.url);
  await migrate(source);
  hosts = new HostRepository(source);
  vms = new VmRepository(source);
  lan = await new NetworkRepository(source).create({ name: 'lan', subnet: null, managed: false });
});
afterAll(async () => {
  await source?.destroy();
  await postgres?.remove();
});
beforeEach(async () => {
  await source.query('DELETE FROM vm');
  await putHost('alpha', [eth0, eth1]);
  await putHost('beta', [{ ...eth0, model: 'rtl8139c+' }]);
});

const putHost = (name: string, nics: PhysicalNic[]) =>
  hosts.save({ name, memoryMiB: 1024, cores: 4, nics, radios: [] });
let macs = 0;
const nic = (device: string | null, access: NewNic['access'] = device === null ? null : 'vpio'): NewNic => ({
  ...{ networkId: lan.id, ip: null, device, access },
  mac: `02:00:00:00:00:${(++macs).toString(16).padStart(2, '0')}`,
});
const create = (name: string, nics: NewNic[], host = 'alpha') =>
  vms.create({
    ...{ name, host, memoryMiB: 64, image: 'debian', autostart: false, managed: false, nics },
    boot: 'template',
  });

describe('NICs on cards of the host', () => {
  it('come back with what the owner host’s card is', async () => {
    const { id } = await create('a1', [nic(null), nic('eth1', 'emulated'), nic('eth0')]);
    expect((await vms.get(id))?.nics).toMatchObject([
      { device: null, access: null, model: null },
      { device: 'eth1', access: 'emulated', model: 'ne2000' },
      { device: 'eth0', access: 'vpio', model: 'rtl8139' },
    ]);
    await vms.update(id, { host: 'beta', nics: [nic('eth0')] });
    expect((await vms.find('a1'))?.nics).toMatchObject([{ device: 'eth0', model: 'rtl8139c+' }]);
    expect(await vms.list({ limit: 1 })).toMatchObject([{ nics: [{ model: 'rtl8139c+' }] }]);
  });

  it('are on one that the host has, also when the VM moves', async () => {
    const mismatch = (words: string) => ({
      code: 'DEVICE_MISMATCH',
      message: expect.stringContaining(words),
    });
    await expect(create('a1', [nic('eth7')])).rejects.toMatchObject(
      mismatch('host alpha has no physical NIC "eth7"'),
    );
    expect(await vms.find('a1')).toBeNull();
    const { id } = await create('a1', [nic('eth1')]);
    await expect(vms.update(id, { host: 'beta' })).rejects.toMatchObject(
      mismatch('host beta has no physical NIC "eth1", and a1/net0 uses it'),
    );
    await expect(vms.updateAll(new Map([[id, { host: 'beta' }]]))).rejects.toMatchObject(mismatch('eth1'));
    expect(await vms.get(id)).toMatchObject({ ownerHost: 'alpha', epoch: 1 });
  });

  it('hold their card, which can become another one', async () => {
    const { id } = await create('a1', [nic('eth0')]);
    await expect(putHost('alpha', [eth1])).rejects.toMatchObject({
      code: 'DEVICE_IN_USE',
      message: expect.stringContaining('a1/net0 uses it'),
    });
    expect((await hosts.find('alpha'))?.nics).toEqual([eth0, eth1]);
    await putHost('alpha', [{ ...eth0, model: 'ne2000' }]);
    expect((await vms.get(id))?.nics).toMatchObject([{ model: 'ne2000' }]);
  });

  it('share it, unless one VM has it by passthrough', async () => {
    await create('a1', [nic('eth0')]);
    await create('a2', [nic('eth0', 'emulated')]);
    await expect(create('a3', [nic('eth0', 'passthrough')])).rejects.toMatchObject({
      code: 'DEVICE_IN_USE',
      message:
        'alpha/eth0 cannot be used by a3/net0 and a1/net0: a3/net0 has it by passthrough, for itself alone',
    });
    await create('a4', [nic('eth1', 'passthrough')]);
    await expect(create('a5', [nic('eth1')])).rejects.toMatchObject({
      code: 'DEVICE_IN_USE',
      message: expect.stringContaining('a4/net0 has it by passthrough'),
    });
    // A card of that name on another host is another card.
    await create('b1', [nic('eth0', 'passthrough')], 'beta');
  });

  it('pass it from one VM to another in one change', async () => {
    const a1 = await create('a1', [nic('eth0', 'passthrough')]);
    const a2 = await create('a2', [nic('eth1', 'passthrough')]);
    await vms.updateAll(
      new Map([
        [a1.id, { nics: [nic('eth1', 'passthrough')] }],
        [a2.id, { nics: [nic('eth0', 'passthrough')] }],
      ]),
    );
    expect((await vms.all()).map(({ nics }) => nics[0]?.device)).toEqual(['eth1', 'eth0']);
  });

  it('of many VMs that want one for themselves at once, one gets it', async () => {
    const all = await Promise.allSettled(
      Array.from({ length: 6 }, (_, n) => create(`v${n}`, [nic('eth0', 'passthrough')])),
    );
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of all) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'DEVICE_IN_USE' });
    }
  });

  it('are not made on a card that goes at the same time', async () => {
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.allSettled([
        create(`v${round}`, [nic('eth0')]),
        putHost('alpha', [eth1]),
      ]);
      expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
      await source.query('DELETE FROM vm');
      await putHost('alpha', [eth0, eth1]);
    }
  });
});
