import { Injectable } from '@nestjs/common';
import { ACCESS_POINTS, accessPointId, AIR_HOST, radioId, V3Error, type AirPlace } from '@v3vee/contracts';
import { AccessPointRepository, HostRepository, VmRepository } from '@v3vee/store';

/** Where a capture point on the air is now. */
export interface AirCapturePlace {
  host: typeof AIR_HOST;
  place: AirPlace;
  /** For people. */
  description: string;
}

/** Finds what is captured on the air: the radios of a host, one of them, an access point, or a VM's Wi-Fi NIC. */
@Injectable()
export class AirPoints {
  constructor(
    private readonly hosts: HostRepository,
    private readonly accessPoints: AccessPointRepository,
    private readonly vms: VmRepository,
  ) {}

  /** @param point `alpha`, `alpha/radio0`, `ap/home`, `a1/wlan0` @throws V3Error CAPTURE_POINT_NOT_FOUND */
  find(point: string): Promise<AirCapturePlace> {
    const [owner = '', name] = point.split('/');
    if (owner === ACCESS_POINTS && name !== undefined) return this.accessPoint(name);
    if (name !== undefined && /^wlan[0-3]$/.test(name)) return this.nic(owner, Number(name.at(-1)));
    return this.radios(owner, name);
  }

  private async accessPoint(name: string): Promise<AirCapturePlace> {
    const found = await this.accessPoints.find(name);
    if (!found) throw notFound(`there is no access point ${name}`);
    const { ssid, bssid } = found;
    return at([accessPointId(name)], `access point ${name}, ${bssid} of SSID ${ssid}`);
  }

  private async nic(name: string, index: number): Promise<AirCapturePlace> {
    const vm = await this.vms.find(name);
    if (!vm) throw notFound(`there is no virtual machine ${name}`);
    const nic = vm.wifi[index];
    if (!nic) {
      throw notFound(`virtual machine ${name} has ${vm.wifi.length} Wi-Fi NICs; there is no wlan${index}`);
    }
    const radio = radioId(vm.ownerHost, nic.radio);
    return at([radio], `${nic.mac} of ${vm.name} at radio ${radio}`, nic.mac);
  }

  private async radios(host: string, name: string | undefined): Promise<AirCapturePlace> {
    const found = await this.hosts.find(host);
    if (!found) throw notFound(`there is no host ${host}`);
    const names = found.radios.map(radio => radio.name);
    if (names.length === 0) throw notFound(`host ${host} has no radio`);
    if (name !== undefined && !names.includes(name)) {
      throw notFound(`host ${host} has no radio ${name}; it has ${names.join(', ')}`);
    }
    const ids = (name === undefined ? names : [name]).map(each => radioId(host, each));
    return at(ids, ids.length === 1 ? `radio ${ids[0]}` : `radios ${ids.join(', ')}`);
  }
}

const at = (antennas: string[], description: string, address: string | null = null): AirCapturePlace => ({
  host: AIR_HOST,
  place: { antennas, address },
  description,
});
const notFound = (detail: string) => new V3Error('CAPTURE_POINT_NOT_FOUND', detail);
