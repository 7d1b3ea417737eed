import { formatIpv4, parseIpv4 } from '@v3vee/wire';

/** A NIC of a VM on the network that a service serves. */
export interface Member {
  /** The VM's name. */
  name: string;
  /** Of the NIC, lower case with colons. */
  mac: string;
  /** The address it is defined with: always and only its own. Null where it takes one from DHCP or sets it itself. */
  fixed: number | null;
  /** What the guest says that the NIC has, IPv4 and IPv6, without prefix lengths. */
  reported: string[];
}

/** A subnet as DHCP needs it; addresses as numbers. */
export interface Subnet {
  network: number;
  broadcast: number;
  mask: number;
  /** Of the service itself. */
  service: number;
}

/** @param subnet `10.10.0.0/24` @param service `10.10.0.1` */
export function toSubnet(subnet: string, service: string): Subnet {
  const [address = '', prefix = ''] = subnet.split('/');
  const size = 2 ** (32 - Number(prefix));
  const network = Math.floor(parseIpv4(address) / size) * size;
  return {
    network,
    broadcast: network + size - 1,
    mask: 0x1_0000_0000 - size,
    service: parseIpv4(service),
  };
}

/** Whether an address is one of the subnet that a host, other than the service, can have. */
export function isHostAddress(address: number, { network, broadcast, service }: Subnet): boolean {
  return address > network && address < broadcast && address !== service;
}

/** The members of one network as they are defined now. Replaced as a whole when a definition or a report changes. */
export class Members {
  private readonly byMac = new Map<string, Member>();
  private readonly byFixed = new Map<number, Member>();
  private readonly byReport = new Map<string, Member>();
  private readonly byName = new Map<string, Member[]>();

  constructor(members: readonly Member[] = []) {
    for (const member of members) {
      this.byMac.set(member.mac, member);
      this.byName.set(member.name, [...(this.byName.get(member.name) ?? []), member]);
      if (member.fixed !== null) this.byFixed.set(member.fixed, member);
      for (const address of member.reported) this.byReport.set(address, member);
    }
  }

  withMac(mac: string): Member | undefined {
    return this.byMac.get(mac);
  }

  /** A VM can have several NICs on one network. */
  withName(name: string): readonly Member[] {
    return this.byName.get(name) ?? [];
  }

  withFixed(address: number): Member | undefined {
    return this.byFixed.get(address);
  }

  /** Whose guest says that it has the address. */
  reporting(address: number): Member | undefined {
    return this.byReport.get(formatIpv4(address));
  }
}
