import { serviceAddress, serviceDomain, serviceMac } from '@v3vee/contracts';
import {
  DhcpServer,
  DnsResponder,
  LeaseTable,
  Members,
  NetworkAppliance,
  toSubnet,
  type Lease,
  type NicPort,
} from '@v3vee/overlay';
import type { DhcpLease } from '@v3vee/store';
import { formatIpv4, parseIpv4 } from '@v3vee/wire';

/** A network that wants DHCP or DNS. */
export interface ServedNetworkSpec {
  id: string;
  name: string;
  vni: number;
  subnet: string;
  dhcp: boolean;
  dns: boolean;
  /** The smallest of its links', where that is less than Ethernet's. */
  mtu: number | null;
}

export interface ServedNetworkOptions {
  spec: ServedNetworkSpec;
  members: Members;
  leases: readonly DhcpLease[];
  save: (lease: DhcpLease) => Promise<void>;
  send: (port: NicPort, frames: Uint8Array[]) => void;
  onFailure: (thrown: unknown) => void;
  onStranger: (mac: string) => Promise<void>;
}

/** The service of one network, with its port on the overlay: a station that is no VM's. */
export class ServedNetwork {
  readonly spec: ServedNetworkSpec;
  readonly port: NicPort;
  readonly appliance: NetworkAppliance;
  private members: Members;
  private readonly leases: LeaseTable | undefined;

  constructor(options: ServedNetworkOptions) {
    const { spec, send, onFailure, onStranger } = options;
    this.spec = spec;
    this.members = options.members;
    const subnet = toSubnet(spec.subnet, serviceAddress(spec.subnet));
    const domain = serviceDomain(spec.name);
    this.leases = spec.dhcp
      ? new LeaseTable(subnet, options.members, options.leases.map(fromStore))
      : undefined;
    const dhcp =
      this.leases &&
      new DhcpServer({ subnet, domain, dns: spec.dns, mtu: spec.mtu }, this.leases, {
        save: lease => options.save(toStore(lease)),
      });
    const dns = spec.dns
      ? new DnsResponder({ domain, network: spec.name }, () => this.members, this.leases)
      : undefined;
    const mac = serviceMac(spec.vni);
    this.appliance = new NetworkAppliance({
      mac,
      subnet,
      dhcp,
      dns,
      send: frames => send(this.port, frames),
      onFailure,
      onStranger,
    });
    this.port = {
      place: { type: 'interface', mac },
      vni: spec.vni,
      // Not a VM's; the network's is as unique.
      vmId: spec.id,
      epoch: 0,
      deliver: frames => this.appliance.receive(frames),
    };
  }

  isAs(spec: ServedNetworkSpec): boolean {
    return JSON.stringify(spec) === JSON.stringify(this.spec);
  }

  setMembers(members: Members): void {
    this.members = members;
    if (this.leases) this.leases.members = members;
  }
}

function fromStore({ mac, address, expiresAt }: DhcpLease): Lease {
  return { mac, address: parseIpv4(address), expiresAt: expiresAt.getTime() };
}

function toStore({ mac, address, expiresAt }: Lease): DhcpLease {
  return { mac, address: formatIpv4(address), expiresAt: new Date(expiresAt) };
}
