/** What must hold between the NICs of VMs and the physical cards of their host: for cluster files and requests alike. */
import type { NicSpec, PhysicalNic } from './resources';
import { defaultNicSettings, type NicSettingsPatch } from './vnet';
import type { CardAccess } from './vpio';

type WantedNic = Pick<NicSpec, 'network' | 'device' | 'access' | 'settings'>;

export interface NicProblem {
  /** Of the NIC in its VM. */
  index: number;
  /** Below the NIC. */
  path: string[];
  message: string;
}

/** How a NIC uses its card; null: it is a virtio NIC. */
export const accessOf = ({ device, access }: Pick<NicSpec, 'device' | 'access'>): CardAccess | null =>
  device === undefined ? null : (access ?? 'vpio');

/** What is wrong with one VM's NICs, whatever cards its host has. */
export function nicProblems(nics: readonly WantedNic[]): NicProblem[] {
  const firstCard = nics.findIndex(({ device }) => device !== undefined);
  return nics.flatMap(({ device, access, settings }, index) => {
    const problem = (path: string[], message: string): NicProblem => ({ index, path, message });
    if (device === undefined) {
      const problems: NicProblem[] = [];
      if (firstCard !== -1 && index > firstCard) {
        const why = 'because the guest names them in that order';
        problems.push(
          problem(
            [],
            `virtio NICs come before those of physical cards, ${why}; put this one before net${firstCard}`,
          ),
        );
      }
      if (access !== undefined) {
        const message =
          'access is how a physical NIC is used; name the NIC with "device", or leave access out';
        problems.push(problem(['access'], message));
      }
      return problems;
    }
    const problems = cardSettingsProblems(settings).map(({ key, message }) =>
      problem(['settings', key], message),
    );
    const other = nics.findIndex(nic => nic.device === device);
    if (other < index)
      problems.push(problem(['device'], `${device} is net${other}'s already; a VM has a card once`));
    return problems;
  });
}

/** Settings that only virtio NICs have, as far as they are not as by default. */
export function cardSettingsProblems(
  settings: NicSettingsPatch | undefined,
): { key: 'mode' | 'optimisticInterrupts'; message: string }[] {
  return (['mode', 'optimisticInterrupts'] as const)
    .filter(key => settings?.[key] !== undefined && settings[key] !== defaultNicSettings[key])
    .map(key => ({
      key,
      message: `${key} is a setting of virtio NICs; a physical card moves its frames itself: leave it out`,
    }));
}

/**
 * Why a VM of a host cannot have a NIC on a card there; undefined: it can.
 * @returns DEVICE_MISMATCH: the host has no such card, or one without a cable; INVALID_REQUEST: the cable leads elsewhere
 */
export function cardProblem(
  nic: { network: string; device: string },
  host: { name: string; nics: readonly PhysicalNic[] },
): { code: 'DEVICE_MISMATCH' | 'INVALID_REQUEST'; message: string } | undefined {
  const card = host.nics.find(({ name }) => name === nic.device);
  if (!card) {
    const present = host.nics.map(describeCard).join(', ') || 'none';
    const message = `host ${host.name} has no physical NIC "${nic.device}"; its physical NICs are: ${present}`;
    return { code: 'DEVICE_MISMATCH', message };
  }
  if (card.network === undefined) {
    const message = `${host.name}/${card.name} has no cable; say with "network" in hosts.${host.name}.nics where it leads`;
    return { code: 'DEVICE_MISMATCH', message };
  }
  if (card.network === nic.network) return undefined;
  const message = `the cable of ${host.name}/${card.name} leads to network ${card.network}, not to ${nic.network}`;
  return { code: 'INVALID_REQUEST', message };
}

/** `eth0 (rtl8139 on lan)`. */
export const describeCard = ({ name, model, network }: PhysicalNic): string =>
  `${name} (${model} ${network === undefined ? 'without a cable' : `on ${network}`})`;

/** Of the VMs that use one card, the first that may not beside an earlier one: passthrough is for one VM alone. */
export function conflictingUse<U extends { access: CardAccess }>(
  uses: readonly U[],
): { use: U; other: U } | undefined {
  for (const [index, use] of uses.entries()) {
    const alone = (each: U) => each.access === 'passthrough';
    const other = uses.slice(0, index).find(before => alone(use) || alone(before));
    if (other) return { use, other };
  }
  return undefined;
}
