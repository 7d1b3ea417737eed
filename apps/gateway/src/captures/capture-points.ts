import { Injectable } from '@nestjs/common';
import { airPoint, LINKS_HOST, V3Error, type AirPlace, type VnetPlace } from '@v3vee/contracts';
import { HostRepository, VmRepository, VnetLinkRepository } from '@v3vee/store';
import { AirPoints } from './air-points';

/** Where a capture point is now. */
export interface CapturePlace {
  /** Who serves captures there: a host, `LINKS_HOST`, or `AIR_HOST`. */
  host: string;
  /** Null: all that passes that host's core. */
  place: { vni: number; place: VnetPlace } | AirPlace | null;
  /** For people. */
  description: string;
}

/** Finds what `captureQuery.point` names. A VM moves: it is looked up again while a capture goes on. */
@Injectable()
export class CapturePoints {
  constructor(
    private readonly vms: VmRepository,
    private readonly links: VnetLinkRepository,
    private readonly hosts: HostRepository,
    private readonly air: AirPoints,
  ) {}

  /** @throws V3Error CAPTURE_POINT_NOT_FOUND that says what there is not */
  async find(point: string): Promise<CapturePlace> {
    const onAir = airPoint(point);
    if (onAir !== undefined) return this.air.find(onAir);
    const [kind = '', name = ''] = point.split('/');
    // "link" and "host" are names that a VM may have too; its NICs are told by their own names.
    if (/^(net|eth)[0-3]$/.test(name)) return this.nic(kind, Number(name.at(-1)));
    return kind === 'link' ? this.link(name) : this.core(name);
  }

  private async nic(name: string, index: number): Promise<CapturePlace> {
    const vm = await this.vms.find(name);
    if (!vm) throw notFound(`there is no virtual machine ${name}`);
    const nic = vm.nics[index];
    if (!nic) {
      throw notFound(`virtual machine ${name} has ${vm.nics.length} NICs; there is no net${index}`);
    }
    const { vni, mac, network } = nic;
    return {
      host: vm.ownerHost,
      place: { vni, place: { type: 'interface', mac } },
      description: `${mac} of ${vm.name} on network ${network}`,
    };
  }

  private async link(name: string): Promise<CapturePlace> {
    const link = await this.links.find(name);
    if (!link) throw notFound(`there is no link ${name}`);
    const { index, type, remote, vni, network } = link;
    return {
      host: LINKS_HOST,
      place: { vni, place: { type: 'edge', link: index } },
      description: `${type} link to ${remote.address} of network ${network}`,
    };
  }

  private async core(name: string): Promise<CapturePlace> {
    if (!(await this.hosts.find(name))) throw notFound(`there is no host ${name}`);
    return { host: name, place: null, description: `the forwarding core of host ${name}` };
  }
}

const notFound = (detail: string) => new V3Error('CAPTURE_POINT_NOT_FOUND', detail);
