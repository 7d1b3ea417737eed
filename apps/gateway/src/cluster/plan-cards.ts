import {
  accessOf,
  conflictingUse,
  V3Error,
  type CardAccess,
  type PhysicalNic,
  type Topology,
  type VmSpec,
} from '@v3vee/contracts';
import type { HostEntity, HostRecord, VmDefinition } from '@v3vee/store';
import type { Present } from './plan';

type Hosts = Topology['hosts'];

/** A host as it is first saved: cards that are no longer declared stay until no VM uses them any more. */
export function withGoingCards(declared: HostRecord, present: HostEntity | undefined): HostRecord {
  const names = new Set(declared.nics.map(({ name }) => name));
  const going = present?.nics.filter(({ name }) => !names.has(name)) ?? [];
  return { ...declared, nics: [...declared.nics, ...going] };
}

/** Whether a NIC that is declared as it is gets another card, since its host's card of that name is now another. */
export function changesCard(vm: VmDefinition, spec: VmSpec, hosts: Hosts): boolean {
  return spec.nics.some(({ device }, index) => {
    const present = vm.nics[index];
    return (
      device !== undefined &&
      present?.device === device &&
      cardOf(hosts, spec.host, device)?.model !== present.model
    );
  });
}

/**
 * Which card of its declared host each of a VM's physical NICs becomes, by index; undefined when it cannot go there as it
 * runs: its NICs need cards of the same models and networks that no VM there has for itself alone.
 */
export function cardsThere(
  vm: VmDefinition,
  { host, nics }: VmSpec,
  hosts: Hosts,
  present: Present['vms'],
): ReadonlyMap<number, string> | undefined {
  const cards = new Map<number, string>();
  for (const [index, { device }] of nics.entries()) {
    const nic = vm.nics[index];
    if (device === undefined || !nic || nic.access === null) continue;
    const card = cardOf(hosts, host, device);
    if (card?.model !== nic.model || card.network !== nic.network) return undefined;
    const there = present
      .filter(other => other.vm.ownerHost === host)
      .flatMap(other => other.vm.nics.filter(use => use.device === device))
      .flatMap(({ access }) => (access === null ? [] : [{ access }]));
    if (conflictingUse([...there, { access: nic.access }])) return undefined;
    cards.set(index, device);
  }
  return cards;
}

/**
 * Looked at before anything is changed.
 * @param byHand VMs that are not declared and stay
 * @throws V3Error DEVICE_IN_USE when one of them needs a card that is to go, to change or to be another VM's alone
 */
export function refuseToTakeCards(declared: Topology, byHand: VmDefinition[]): void {
  const uses = new Map<string, { nic: string; access: CardAccess }[]>();
  const use = (host: string, device: string, nic: string, access: CardAccess) => {
    const card = `${host}/${device}`;
    uses.set(card, [...(uses.get(card) ?? []), { nic, access }]);
  };
  for (const [name, { host, nics }] of Object.entries(declared.vms)) {
    nics.forEach((nic, index) => {
      const access = accessOf(nic);
      if (nic.device !== undefined && access) use(host, nic.device, `${name}/net${index}`, access);
    });
  }
  for (const { name, ownerHost, nics } of byHand) {
    for (const nic of nics) {
      if (nic.device === null || nic.access === null) continue;
      const change = cardChange(cardOf(declared.hosts, ownerHost, nic.device), nic);
      if (change) {
        throw new V3Error(
          'DEVICE_IN_USE',
          `physical NIC ${ownerHost}/${nic.device} ${change}, but ${name}/net${nic.index}, made by hand, uses it; ` +
            `delete that VM or give it other NICs first`,
        );
      }
      use(ownerHost, nic.device, `${name}/net${nic.index}`, nic.access);
    }
  }
  for (const [card, all] of uses) {
    const conflict = conflictingUse(all);
    if (!conflict) continue;
    const alone = conflict.use.access === 'passthrough' ? conflict.use : conflict.other;
    throw new V3Error(
      'DEVICE_IN_USE',
      `physical NIC ${card} cannot be used by ${conflict.other.nic} and by ${conflict.use.nic}, made by hand: ` +
        `${alone.nic} has it by passthrough, for itself alone`,
    );
  }
}

function cardChange(card: PhysicalNic | undefined, nic: VmDefinition['nics'][number]): string | undefined {
  if (!card) return 'is not declared any more';
  if (card.model !== nic.model) return `is to become a ${card.model}`;
  if (card.network === nic.network) return undefined;
  return card.network === undefined ? 'is to have no cable' : `is to be on network ${card.network}`;
}

const cardOf = (hosts: Hosts, host: string, device: string): PhysicalNic | undefined =>
  hosts[host]?.nics.find(({ name }) => name === device);
