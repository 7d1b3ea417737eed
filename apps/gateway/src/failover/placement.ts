import {
  conflictingUse,
  describeCard,
  radioProblem,
  type CardAccess,
  type CardModel,
  type PhysicalNic,
  type Radio,
} from '@v3vee/contracts';

/** A host as far as its choice goes. */
export interface Candidate {
  name: string;
  /** Why it can't be asked now, '' when it can. */
  complaint: string;
  cordoned: boolean;
  memoryFreeMiB: number;
  /** In one piece; a guest's memory is contiguous. */
  memoryLargestHoleMiB: number;
  guestPlacesFree: number;
  nics: readonly PhysicalNic[];
  radios: readonly Pick<Radio, 'name'>[];
  /** Who has its cards. */
  uses: readonly { vm: string; device: string; access: CardAccess }[];
}

/** A VM that needs a host. */
export interface Homeless {
  name: string;
  memoryMiB: number;
  nics: readonly {
    index: number;
    network: string;
    device: string | null;
    model: CardModel | null;
    access: CardAccess | null;
  }[];
  wifi: readonly { index: number; radio: string }[];
}

export interface Placement {
  host: string;
  /** Which card of the host each of its physical NICs becomes, by index. */
  cards: ReadonlyMap<number, string>;
  /** Why this host, in words. */
  reason: string;
}

/**
 * The host with the most free memory, then the most free cores, then the first by name, of those that can take the VM.
 * @returns in words why none can, if none can
 */
export function place(vm: Homeless, candidates: readonly Candidate[]): Placement | string {
  const refusals: string[] = [];
  const fitting: { host: Candidate; cards: ReadonlyMap<number, string> }[] = [];
  for (const host of candidates) {
    const cards = refusal(vm, host) ?? cardsOn(vm, host);
    if (typeof cards === 'string') refusals.push(`${host.name}: ${cards}`);
    else fitting.push({ host, cards });
  }
  const not = refusals.length > 0 ? `; not ${refusals.join('; ')}` : '';
  const [best, ...others] = fitting.sort(
    ({ host: a }, { host: b }) =>
      b.memoryFreeMiB - a.memoryFreeMiB ||
      b.guestPlacesFree - a.guestPlacesFree ||
      (a.name < b.name ? -1 : 1),
  );
  if (!best) return `no host can take ${vm.name}${not}`;
  const { name, memoryFreeMiB } = best.host;
  const why = others.length > 0 ? 'the most free memory' : 'as the only one room';
  return { host: name, cards: best.cards, reason: `${name} has ${why} (${memoryFreeMiB} MiB)${not}` };
}

function refusal({ memoryMiB, wifi }: Homeless, host: Candidate): string | undefined {
  if (host.complaint) return host.complaint;
  if (host.cordoned) return 'it is cordoned';
  if (host.memoryLargestHoleMiB < memoryMiB) {
    return `of the ${memoryMiB} MiB it has ${host.memoryLargestHoleMiB} in one piece`;
  }
  if (host.guestPlacesFree < 1) return 'it has no free core';
  // Of the same name: the guest's connection goes on over it.
  const without = wifi.find(nic => radioProblem(nic, host));
  return without && `it has no radio "${without.radio}" for wlan${without.index}`;
}

/** A card of the same model on the same network for each of its physical NICs: by the same name if there is one. */
function cardsOn({ name: vm, nics }: Homeless, host: Candidate): ReadonlyMap<number, string> | string {
  const cards = new Map<number, string>();
  for (const { index, device, model, network, access } of nics) {
    if (device === null || access === null) continue;
    const free = host.nics
      .filter(card => card.model === model && card.network === network)
      .filter(({ name }) => ![...cards.values()].includes(name))
      .filter(({ name }) => {
        const there = host.uses.filter(use => use.device === name);
        return !conflictingUse([...there, { vm, access }]);
      })
      .sort((a, b) => Number(b.name === device) - Number(a.name === device));
    if (!free[0]) {
      const present = host.nics.map(describeCard).join(', ') || 'none';
      return `it has no free ${model} on network ${network} for net${index} (its physical NICs: ${present})`;
    }
    cards.set(index, free[0].name);
  }
  return cards;
}
