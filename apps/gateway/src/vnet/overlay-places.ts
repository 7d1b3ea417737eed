import { Injectable } from '@nestjs/common';
import type { KnownLink, KnownNic, KnownPlaces } from '@v3vee/contracts';
import { NetworkRepository, VmRepository, VnetLinkRepository, type LinkRecord } from '@v3vee/store';
import type { EntityManager } from 'typeorm';

/** What routes and links can refer to. */
export interface OverlayPlaces extends KnownPlaces {
  links: KnownLink[];
  /** Ids by name. */
  networks: ReadonlyMap<string, string>;
}

export const knownLink = ({ index, name, network, remote }: LinkRecord): KnownLink => ({
  index,
  name,
  network,
  remote: remote.address,
});

@Injectable()
export class OverlayDirectory {
  constructor(
    private readonly vms: VmRepository,
    private readonly networks: NetworkRepository,
    private readonly links: VnetLinkRepository,
  ) {}

  /** @param manager of a transaction in which links may have been added */
  async places(manager?: EntityManager): Promise<OverlayPlaces> {
    const [vms, networks, links] = await Promise.all([
      this.vms.all(),
      this.networks.all(),
      this.links.all(manager),
    ]);
    const nics = new Map<string, KnownNic>();
    for (const { name, nics: all } of vms) {
      for (const { index, mac, network } of all) nics.set(mac, { name: `${name}/net${index}`, network });
    }
    return {
      nics,
      links: links.map(knownLink),
      networks: new Map(networks.map(({ name, id }) => [name, id])),
    };
  }
}
