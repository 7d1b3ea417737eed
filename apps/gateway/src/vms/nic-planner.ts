import { Injectable } from '@nestjs/common';
import {
  accessOf,
  cardProblem,
  formatPath,
  inSubnet,
  isServiceMac,
  nicProblems,
  serviceAddressProblem,
  V3Error,
  type ErrorCode,
  type FieldError,
  type NicSettings,
  type NicSettingsPatch,
  type NicSpec,
  type Radio,
  type WifiNicSpec,
} from '@v3vee/contracts';
import {
  HostRepository,
  NetworkRepository,
  type NewNic,
  type NewWifiNic,
  type NicDefinition,
  type VmDefinition,
} from '@v3vee/store';
import { randomMac } from './mac';
import { planWifi } from './wifi-nics';

/** Attempts at a random MAC that nobody has; one in 2^40 is taken by any other NIC. */
const MAC_ATTEMPTS = 3;

/** What is absent stays as it is. */
export interface WantedNics {
  /** Of the VM; networks of others are none for it. */
  project: string;
  nics?: NicSpec[];
  wifi?: WifiNicSpec[];
}
export interface PlannedNics {
  nics?: NewNic[];
  wifi?: NewWifiNic[];
}
type PresentNics = Pick<VmDefinition, 'nics' | 'wifi'>;
export const noNics: PresentNics = { nics: [], wifi: [] };

/** Turns NICs as they are asked for into NICs as they are defined. */
@Injectable()
export class NicPlanner {
  constructor(
    private readonly networks: NetworkRepository,
    private readonly hosts: HostRepository,
  ) {}

  /**
   * Runs a write with the NICs; again with other MACs, should one that was drawn here be taken.
   * @param host whose physical NICs and radios they can be
   * @param present NICs the VM has: one that stays where it is keeps its MAC, and its settings unless they are named
   * @throws V3Error NETWORK_NOT_FOUND, DEVICE_MISMATCH, INVALID_REQUEST, and what the write throws
   */
  async planning<T>(
    wanted: WantedNics,
    host: string,
    present: PresentNics,
    write: (planned: PlannedNics) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const planned = await this.plan(wanted, host, present);
      try {
        return await write(planned);
      } catch (thrown) {
        const drawn = (['nics', 'wifi'] as const).some(kind =>
          planned[kind]?.some(({ mac }, index) => mac !== wanted[kind]?.[index]?.mac),
        );
        const taken = thrown instanceof V3Error && thrown.code === 'MAC_IN_USE';
        if (!drawn || !taken || attempt === MAC_ATTEMPTS) throw thrown;
      }
    }
  }

  /** @throws V3Error NETWORK_NOT_FOUND, DEVICE_MISMATCH, INVALID_REQUEST */
  async plan({ project, nics, wifi }: WantedNics, host: string, present: PresentNics): Promise<PlannedNics> {
    return {
      nics: nics && (await this.planWired(project, nics, host, present.nics)),
      wifi: wifi && planWifi(wifi, { name: host, radios: await this.radios(wifi, host) }, present.wifi),
    };
  }

  private async radios(wifi: WifiNicSpec[], host: string): Promise<Radio[]> {
    return wifi.length === 0 ? [] : ((await this.hosts.find(host))?.radios ?? []);
  }

  private async planWired(
    project: string,
    specs: NicSpec[],
    host: string,
    present: NicDefinition[],
  ): Promise<NewNic[]> {
    const networks = await this.networks.findByNames(specs.map(({ network }) => network));
    const wrong: FieldError[] = nicProblems(specs).map(({ index, path, message }) => ({
      path: formatPath(['nics', index, ...path]),
      message,
    }));
    const nics = specs.map((spec, index) => {
      const { network: name, mac, ip, settings, device = null } = spec;
      const network = networks.get(name);
      if (network?.project !== project) {
        const detail = `there is no network "${name}" in project ${project}`;
        throw new V3Error('NETWORK_NOT_FOUND', `nics[${index}].network: ${detail}`);
      }
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
        settings: { ...kept(stays?.settings, device), ...settings },
        device,
        access: accessOf(spec),
      };
    });
    const cards = await this.cardProblems(specs, host);
    refuse('INVALID_REQUEST', [...wrong, ...cards.INVALID_REQUEST]);
    refuse('DEVICE_MISMATCH', cards.DEVICE_MISMATCH);
    return nics;
  }

  private async cardProblems(specs: NicSpec[], host: string) {
    const found = { INVALID_REQUEST: [] as FieldError[], DEVICE_MISMATCH: [] as FieldError[] };
    if (specs.every(({ device }) => device === undefined)) return found;
    const { nics = [] } = (await this.hosts.find(host)) ?? {};
    specs.forEach(({ network, device }, index) => {
      const problem =
        device === undefined ? undefined : cardProblem({ network, device }, { name: host, nics });
      if (problem) found[problem.code].push({ path: `nics[${index}].device`, message: problem.message });
    });
    return found;
  }
}

function refuse(code: ErrorCode, fields: FieldError[]): void {
  const [first] = fields;
  if (first) throw new V3Error(code, `${first.path}: ${first.message}`, { fields });
}

/** Settings that a NIC goes on with; a card has none of a virtio NIC's own. */
function kept(settings: NicSettings | undefined, device: string | null): NicSettingsPatch {
  if (!settings || device === null) return { ...settings };
  const { mode: _, optimisticInterrupts: __, ...others } = settings;
  return others;
}
