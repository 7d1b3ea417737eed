import { Injectable } from '@nestjs/common';
import { V3Error, type PhysicalNic } from '@v3vee/contracts';
import { HostRepository } from '@v3vee/store';

/** A physical NIC that a host is declared to have. */
export interface DeclaredDevice {
  /** `alpha/eth0` */
  name: string;
  host: string;
  nic: PhysicalNic;
}

@Injectable()
export class DeviceDirectory {
  constructor(private readonly hosts: HostRepository) {}

  /** By name. */
  async all(): Promise<DeclaredDevice[]> {
    return (await this.hosts.all())
      .flatMap(({ name: host, nics }) => nics.map(nic => ({ name: `${host}/${nic.name}`, host, nic })))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws V3Error DEVICE_NOT_FOUND that lists what there is */
  async find(name: string): Promise<DeclaredDevice> {
    const devices = await this.all();
    const found = devices.find(device => device.name === name);
    if (found) return found;
    const names = devices.map(device => device.name).join(', ') || 'none';
    throw new V3Error('DEVICE_NOT_FOUND', `there is no physical device "${name}"; devices are: ${names}`);
  }
}
