import type { VmDefinition } from '@v3vee/store';
import { Rig, waitFor } from './testing/rig.fixture';

describe('guests on two hosts', () => {
  let rig: Rig;
  let a1: VmDefinition;
  let b1: VmDefinition;

  beforeAll(async () => {
    rig = await Rig.start();
    await Promise.all([rig.addHost('alpha'), rig.addHost('beta')]);
    a1 = await rig.define('a1', { nics: [{ network: 'lan', ip: '10.10.0.11/24' }] });
    b1 = await rig.define('b1', { host: 'beta', nics: [{ network: 'lan', ip: '10.10.0.12/24' }] });
    await Promise.all([a1, b1].map(vm => rig.call('start', { vmId: vm.id }, vm.ownerHost)));
  });
  afterAll(() => rig?.stop());

  it('reach each other by name from the first packet', async () => {
    expect(await rig.sh(a1, 'ping -c 3 -i 0.2 b1')).toContain('3 packets received');
    expect(await rig.sh(b1, 'ping -c 3 -i 0.2 a1')).toContain('3 packets received');
  });

  it('get the same bytes through as are sent', async () => {
    await rig.sh(b1, 'head -c 1000000 /dev/urandom > /var/www/file; httpd -h /var/www');
    const sum = await rig.sh(b1, 'sha256sum < /var/www/file');
    expect(await rig.sh(a1, 'wget -q -O - http://b1/file | sha256sum')).toBe(sum);
  });

  it('are cloned across, and the clone is reached where it is', async () => {
    await rig.sh(a1, 'echo original > /tmp/file');
    const { id } = await rig.call('snapshot', { vmId: a1.id, name: 'good' });
    const clone = await rig.define('c1', { host: 'beta', nics: [{ network: 'lan', ip: '10.10.0.13/24' }] });
    await rig.call('restore', { vmId: clone.id, snapshotId: id, identity: true }, 'beta');
    expect(await rig.sh(clone, 'cat /tmp/file; hostname')).toBe('original\nc1');
    await waitFor(async () => (await rig.exec(a1, 'ping', '-c', '1', 'c1')).exitCode === 0);
    expect(await rig.sh(clone, 'ping -c 2 -i 0.2 a1 && ping -c 2 -i 0.2 b1')).toContain('2 packets received');
  });

  it('belong to one host: another one refuses to run them', async () => {
    await rig.call('stop', { vmId: b1.id }, 'beta');
    await expect(rig.call('start', { vmId: b1.id }, 'alpha')).rejects.toThrow(
      'VM b1 belongs to host beta, not to alpha',
    );
    await rig.call('start', { vmId: b1.id }, 'beta');
  });

  it('without addresses of their own get them and names from their network, and get the same again', async () => {
    await rig.addNetwork({ name: 'served', subnet: '10.20.0.0/24', dhcp: true, dns: true });
    const nics = [{ network: 'served' }];
    const [n1, n2] = [await rig.define('n1', { nics }), await rig.define('n2', { host: 'beta', nics })];
    const start = (vm: VmDefinition) => rig.call('start', { vmId: vm.id }, vm.ownerHost);
    await Promise.all([n1, n2].map(start));
    const address = async () => (await rig.until(n1, ({ ips }) => ips[0]?.length === 1)).ips[0]?.[0];
    const first = await address();
    expect(first).toMatch(/^10\.20\.0\.[23]\/24$/);
    expect(await rig.sh(n1, 'ping -c 2 -i 0.2 n2')).toContain('2 packets received');
    expect(await rig.sh(n2, 'nslookup n1.served.internal')).toContain(`Address: ${first?.split('/')[0]}`);

    await rig.signal('vnet', 'SIGKILL');
    await rig.call('stop', { vmId: n1.id });
    await rig.restart('vnet');
    await start(n1);
    expect(await address()).toBe(first);
    // n2's lease is known again, though nobody asked for it since.
    expect(await rig.sh(n1, 'ping -c 2 -i 0.2 n2.served')).toContain('2 packets received');
    await Promise.all([n1, n2].map(vm => rig.call('stop', { vmId: vm.id }, vm.ownerHost)));
  });

  it('go on without the router, which is told all when it is back', async () => {
    // What it has told before stays known: a flow that exists goes on.
    await rig.sh(a1, 'ping -c 1 b1');
    await rig.signal('vnet', 'SIGKILL');
    expect(await rig.sh(a1, 'ping -c 2 -i 0.2 b1')).toContain('2 packets received');
    const late = await rig.define('late', { nics: [{ network: 'lan', ip: '10.10.0.14/24' }] });
    expect(await rig.call('start', { vmId: late.id })).toMatchObject({ state: 'RUNNING' });
    await rig.restart('vnet');
    await waitFor(async () => (await rig.exec(b1, 'ping', '-c', '1', 'late')).exitCode === 0);
  });
});
