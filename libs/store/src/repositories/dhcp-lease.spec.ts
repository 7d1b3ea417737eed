import type { DataSource } from 'typeorm';
import { createDataSource, migrate } from '../data-source';
import { testPostgres, type TestPostgres } from '../testing/database.fixture';
import { DhcpLeaseRepository } from './dhcp-lease.repository';
import { HostRepository } from './host.repository';
import { NetworkRepository } from './network.repository';
import { VmRepository } from './vm.repository';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const later = new Date('2030-01-01T00:00:00.123Z');
const muchLater = new Date('2031-01-01T00:00:00.000Z');

describe('leases in the store', () => {
  let postgres: TestPostgres;
  let source: DataSource;
  let leases: DhcpLeaseRepository;
  let networks: NetworkRepository;

  beforeAll(async () => {
    postgres = await testPostgres();
    source = createDataSource(postgres.url);
    await migrate(source);
    leases = new DhcpLeaseRepository(source);
    networks = new NetworkRepository(source);
  });
  afterAll(async () => {
    await source?.destroy();
    await postgres?.remove();
  });

  it('are one for each client and each address of a network, and go with the network', async () => {
    const lan = await networks.create({ name: 'lan', subnet: '10.0.0.0/24', managed: false });
    const wan = await networks.create({ name: 'wan', subnet: '10.0.0.0/24', managed: false });
    await leases.save(lan.id, { mac: A, address: '10.0.0.2', expiresAt: later });
    await leases.save(wan.id, { mac: B, address: '10.0.0.2', expiresAt: later });
    await leases.save(lan.id, { mac: A, address: '10.0.0.3', expiresAt: muchLater });
    expect(await leases.ofNetwork(lan.id)).toEqual([{ mac: A, address: '10.0.0.3', expiresAt: muchLater }]);
    await leases.save(lan.id, { mac: B, address: '10.0.0.3', expiresAt: later });
    expect(await leases.ofNetwork(lan.id)).toEqual([{ mac: B, address: '10.0.0.3', expiresAt: later }]);
    expect(await leases.ofNetwork(wan.id)).toHaveLength(1);
    await networks.remove(lan);
    await leases.save(lan.id, { mac: A, address: '10.0.0.2', expiresAt: later });
    expect(await leases.ofNetwork(lan.id)).toEqual([]);
  });

  it('and DNS are told in the definition of a NIC', async () => {
    await new HostRepository(source).save({ name: 'alpha', memoryMiB: 64, cores: 1, nics: [], radios: [] });
    const served = { subnet: '10.1.0.0/24', dhcp: true, dns: true, managed: false };
    const both = await networks.create({ name: 'both', ...served });
    const none = await networks.create({ name: 'none', subnet: '10.2.0.0/24', managed: false });
    const { nics } = await new VmRepository(source).create({
      ...{ name: 'a1', host: 'alpha', memoryMiB: 64, image: 'debian', autostart: false, managed: false },
      boot: 'template',
      nics: [
        { networkId: both.id, mac: A, ip: null },
        { networkId: both.id, mac: B, ip: '10.1.0.7/24' },
        { networkId: none.id, mac: '02:00:00:00:00:0c', ip: null },
      ],
    });
    const dns = { server: '10.1.0.1', domain: 'both.internal' };
    expect(nics).toMatchObject([
      { dhcp: true, dns },
      { dhcp: false, dns },
      { dhcp: false, dns: null },
    ]);
  });
});
