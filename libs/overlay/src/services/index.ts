export { DhcpServer, type DhcpSettings, type LeaseLog } from './dhcp-server';
export { DnsResponder, type DnsSettings } from './dns-responder';
export { LeaseTable, type Lease } from './lease-table';
export { isHostAddress, Members, toSubnet, type Member, type Subnet } from './members';
export { NetworkAppliance, type ApplianceOptions } from './network-appliance';
