import { formatIpv4, parseIpv4 } from '@v3vee/wire';
import { LeaseTable } from './lease-table';
import { Members, toSubnet, type Member } from './members';

const member = (name: string, mac: string, fixed?: string, reported: string[] = []): Member => ({
  name,
  mac,
  fixed: fixed === undefined ? null : parseIpv4(fixed),
  reported,
});
const [A, B, C, D] = ['02:00:00:00:00:0a', '02:00:00:00:00:0b', '02:00:00:00:00:0c', '02:00:00:00:00:0d'];
const HOUR = 3_600_000;

function table(subnet = '10.10.0.0/29', members: Member[] = []) {
  const leases = new LeaseTable(toSubnet(subnet, '10.10.0.1'), new Members(members));
  const choose = (mac: string, wish?: string, now = 0) => {
    const address = leases.choose(mac, wish === undefined ? undefined : parseIpv4(wish), now);
    return address === undefined ? undefined : formatIpv4(address);
  };
  const grant = (mac: string, address: string, expiresAt = HOUR) =>
    leases.grant({ mac, address: parseIpv4(address), expiresAt });
  return { leases, choose, grant };
}

describe('the lease table', () => {
  it('knows the edges of subnets', () => {
    const { network, broadcast, mask } = toSubnet('192.168.7.77/28', '192.168.7.65');
    expect([network, broadcast, mask].map(formatIpv4)).toEqual([
      '192.168.7.64',
      '192.168.7.79',
      '255.255.255.240',
    ]);
  });

  it('gives a defined NIC its defined address, whatever it wishes for', () => {
    const { choose } = table('10.10.0.0/24', [member('a', A, '10.10.0.77')]);
    expect(choose(A)).toBe('10.10.0.77');
    expect(choose(A, '10.10.0.5')).toBe('10.10.0.77');
  });

  it('gives the lowest free address: not the service’s, a defined or a reported one', () => {
    const { choose } = table('10.10.0.0/24', [
      member('a', A, '10.10.0.2'),
      member('b', B, undefined, ['10.10.0.3', 'fd00::1']),
      member('c', C),
    ]);
    expect(choose(C)).toBe('10.10.0.4');
    expect(choose(B, '10.10.0.3')).toBe('10.10.0.3');
  });

  it('keeps an address for its client over the end of the lease, and after release', () => {
    const { leases, choose, grant } = table('10.10.0.0/24', [member('a', A), member('b', B)]);
    grant(A, '10.10.0.9');
    expect(choose(A, undefined, 2 * HOUR)).toBe('10.10.0.9');
    expect(leases.active(A, 2 * HOUR)).toBeUndefined();
    expect(choose(B, '10.10.0.9', 0)).toBe('10.10.0.2');
    expect(leases.release(A, parseIpv4('10.10.0.8'), 5)).toBeUndefined();
    expect(leases.release(A, parseIpv4('10.10.0.9'), 5)).toMatchObject({ mac: A, expiresAt: 5 });
    expect(choose(A, undefined, 10)).toBe('10.10.0.9');
    expect(choose(B, '10.10.0.9', 10)).toBe('10.10.0.2');
  });

  it('fulfils a wish for a free address of the subnet only', () => {
    const { choose } = table('10.10.0.0/24', [member('a', A)]);
    expect(choose(A, '10.10.0.200')).toBe('10.10.0.200');
    for (const wish of ['10.10.1.5', '10.10.0.0', '10.10.0.1', '10.10.0.255', '0.0.0.0'])
      expect(choose(A, wish)).toBe('10.10.0.2');
  });

  it('reuses what ended first when all else is taken, a stranger’s before a VM’s', () => {
    const { choose, grant } = table('10.10.0.0/29', [
      member('a', A),
      member('b', B),
      member('c', C),
      member('d', D),
    ]);
    grant(A, '10.10.0.2', 10);
    grant(B, '10.10.0.3', 20);
    grant('02:99:00:00:00:01', '10.10.0.4', 30);
    grant('02:99:00:00:00:02', '10.10.0.5', HOUR);
    grant(C, '10.10.0.6', HOUR);
    expect(choose(D, undefined, 5)).toBeUndefined();
    expect(choose(D, undefined, 25)).toBe('10.10.0.2');
    expect(choose(D, undefined, 35)).toBe('10.10.0.4');
  });

  it('gives strangers half of the addresses at most, and then only what strangers had', () => {
    const { leases, choose, grant } = table('10.10.0.0/28', [member('a', A)]);
    const stranger = (n: number) => `02:99:00:00:00:${n.toString(16).padStart(2, '0')}`;
    grant(A, '10.10.0.2', 1);
    for (let n = 1; n <= 6; n++) {
      const address = leases.choose(stranger(n), undefined, 0)!;
      leases.grant({ mac: stranger(n), address, expiresAt: HOUR + n });
    }
    expect(choose(stranger(7))).toBeUndefined();
    expect(choose(stranger(3))).toBe('10.10.0.5');
    expect(choose(stranger(7), undefined, 2 * HOUR)).toBe('10.10.0.3');
    expect(choose(A)).toBe('10.10.0.2');
  });

  it('holds an offer for a while, then forgets it', () => {
    const { leases, choose } = table('10.10.0.0/24', [member('a', A), member('b', B)]);
    leases.offer(A, parseIpv4('10.10.0.2'), 0);
    expect(choose(B, undefined, 1_000)).toBe('10.10.0.3');
    expect(leases.active(A, 1_000)).toBeUndefined();
    expect(choose(B, undefined, 60_000)).toBe('10.10.0.2');
  });

  it('offers nobody an address that was found in use, for a while', () => {
    const { leases, choose, grant } = table('10.10.0.0/24', [member('a', A)]);
    grant(A, '10.10.0.2');
    expect(leases.decline(A, parseIpv4('10.10.0.3'), 0)).toBeUndefined();
    expect(leases.decline(A, parseIpv4('10.10.0.2'), 0)).toMatchObject({ mac: A, expiresAt: 0 });
    expect(choose(A, '10.10.0.2', 1)).toBe('10.10.0.3');
    expect(choose(A, '10.10.0.2', HOUR)).toBe('10.10.0.2');
  });

  it('starts from leases that were written down, and skips those of another subnet', () => {
    const leases = new LeaseTable(toSubnet('10.10.0.0/24', '10.10.0.1'), new Members(), [
      { mac: A, address: parseIpv4('10.10.0.9'), expiresAt: HOUR },
      { mac: B, address: parseIpv4('10.99.0.9'), expiresAt: HOUR },
    ]);
    expect(leases.active(A, 0)).toBe(parseIpv4('10.10.0.9'));
    expect(leases.holder(parseIpv4('10.10.0.9'), 0)).toBe(A);
    expect(leases.active(B, 0)).toBeUndefined();
  });

  it('finds an address of a large subnet at once', () => {
    const leases = new LeaseTable(toSubnet('10.0.0.0/8', '10.0.0.1'), new Members([member('a', A)]));
    expect(formatIpv4(leases.choose(A, undefined, 0)!)).toBe('10.0.0.2');
  });
});
