import { Injectable } from '@nestjs/common';
import {
  inSubnet,
  isServiceMac,
  serviceAddressProblem,
  V3Error,
  type FieldError,
  type NicSpec,
} from '@v3vee/contracts';
import { NetworkRepository, type NewNic, type NicDefinition } from '@v3vee/store';
import { randomMac } from './mac';

/** Attempts at a random MAC that nobody has; one in 2^40 is taken by any other NIC. */
const MAC_ATTEMPTS = 3;

/** Turns NICs as they are asked for into NICs as they are defined. */
@Injectable()
export class NicPlanner {
  constructor(private readonly networks: NetworkRepository) {}

  /**
   * Runs a write with the NICs; again with other MACs, should one that was drawn here be taken.
   * @param present NICs the VM has: one that stays where it is keeps its MAC, and its settings unless they are named
   * @throws V3Error NETWORK_NOT_FOUND, INVALID_REQUEST, and what the write throws
   */
  async planning<T>(
    specs: NicSpec[],
    present: NicDefinition[],
    write: (nics: NewNic[]) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const nics = await this.plan(specs, present);
      try {
        return await write(nics);
      } catch (thrown) {
        const drawn = nics.some((nic, index) => nic.mac !== specs[index]?.mac);
        const taken = thrown instanceof V3Error && thrown.code === 'MAC_IN_USE';
        if (!drawn || !taken || attempt === MAC_ATTEMPTS) throw thrown;
      }
    }
  }

  /** @throws V3Error NETWORK_NOT_FOUND, INVALID_REQUEST */
  async plan(specs: NicSpec[], present: NicDefinition[] = []): Promise<NewNic[]> {
    const networks = await this.networks.findByNames(specs.map(({ network }) => network));
    const wrong: FieldError[] = [];
    const nics = specs.map(({ network: name, mac, ip, settings }, index) => {
      const network = networks.get(name);
      if (!network)
        throw new V3Error('NETWORK_NOT_FOUND', `nics[${index}].network: there is no network "${name}"`);
      if (ip !== undefined && network.subnet !== null && !inSubnet(ip, network.subnet)) {
        const message = `${ip} is not in network ${name}'s subnet ${network.subnet}`;
        wrong.push({ path: `nics[${index}].ip`, message });
      }
      const taken = ip === undefined ? undefined : serviceAddressProblem(ip, network);
      if (taken) wrong.push({ path: `nics[${index}].ip`, message: taken });
      if (mac !== undefined && isServiceMac(mac)) {
        const message = `${mac} is of the range of network services; choose for example one that begins with 02`;
        wrong.push({ path: `nics[${index}].mac`, message });
      }
      const stays = present[index]?.network === name ? present[index] : undefined;
      return {
        networkId: network.id,
        mac: mac ?? stays?.mac ?? randomMac(),
        ip: ip ?? null,
        settings: { ...stays?.settings, ...settings },
      };
    });
    const [first] = wrong;
    if (first) throw new V3Error('INVALID_REQUEST', `${first.path}: ${first.message}`, { fields: wrong });
    return nics;
  }
}
