import {
  isServiceMac,
  serviceAddress,
  serviceAddressProblem,
  serviceDomain,
  serviceMac,
  serviceProblem,
} from './network-services';
import { topology } from './topology';

const messages = (cluster: unknown) =>
  topology.safeParse(cluster).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('network services', () => {
  it('have the first address of the subnet, a MAC from the network’s number, and a domain', () => {
    expect(serviceAddress('10.10.0.0/24')).toBe('10.10.0.1');
    expect(serviceAddress('192.168.7.77/28')).toBe('192.168.7.65');
    expect(serviceAddress('255.0.0.0/8')).toBe('255.0.0.1');
    expect(serviceMac(1)).toBe('0a:56:33:00:00:01');
    expect(serviceMac(0xffffff)).toBe('0a:56:33:ff:ff:ff');
    expect(isServiceMac(serviceMac(7))).toBe(true);
    expect(isServiceMac('02:56:33:00:00:01')).toBe(false);
    expect(serviceDomain('lan')).toBe('lan.internal');
  });

  it.each([
    [{ dhcp: true, dns: false }, 'DHCP needs a subnet, for example 10.10.0.0/24'],
    [{ dhcp: false, dns: true, subnet: null }, 'DNS needs a subnet, for example 10.10.0.0/24'],
    [
      { dhcp: true, dns: true, subnet: '10.0.0.0/31' },
      'DHCP needs a subnet with a prefix from /8 to /30, not 10.0.0.0/31',
    ],
    [
      { dhcp: false, dns: true, subnet: '0.0.0.0/0' },
      'DNS needs a subnet with a prefix from /8 to /30, not 0.0.0.0/0',
    ],
    [{ dhcp: true, dns: true, subnet: '10.0.0.0/30' }, undefined],
    [{ dhcp: false, dns: false }, undefined],
  ])('%j: %s', (network, problem) => expect(serviceProblem(network)).toBe(problem));

  it('keep their address: no NIC may have it', () => {
    const network = { dhcp: true, dns: false, subnet: '10.10.0.0/24' };
    expect(serviceAddressProblem('10.10.0.1/24', network)).toContain('10.10.0.1 is where DHCP and DNS');
    expect(serviceAddressProblem('10.10.0.2/24', network)).toBeUndefined();
    expect(serviceAddressProblem('10.10.0.1/24', { ...network, dhcp: false })).toBeUndefined();
  });

  it('are checked in a cluster file', () => {
    const nics = [{ network: 'lan', ip: '10.10.0.1/24', mac: '0a:56:33:00:00:09' }];
    expect(
      messages({
        hosts: { alpha: null },
        networks: { lan: { subnet: '10.10.0.0/24', dns: true }, bare: { dhcp: true } },
        vms: { a1: { host: 'alpha', nics } },
      }),
    ).toEqual([
      'networks.bare: DHCP needs a subnet, for example 10.10.0.0/24',
      'vms.a1.nics.0.mac: 0a:56:33:00:00:09 is of the range of network services; choose for example one that begins with 02',
      'vms.a1.nics.0.ip: 10.10.0.1 is where DHCP and DNS of this network answer; choose another address of 10.10.0.0/24',
    ]);
  });
});
