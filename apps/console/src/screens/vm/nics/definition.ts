import type { BodyOf, Vm } from '@v3vee/contracts';
import { ApiError } from '../../../api/problem';

export type NicSpecs = NonNullable<BodyOf<'updateVm'>['nics']>;
type Nic = Vm['nics'][number];

export const MAX_NICS = 4;

/**
 * A NIC of a stopped VM as it is, in the words of a definition: who changes one has to name those that stay. Its first
 * address is the configured one, since no guest runs that could report others.
 */
const specOf = ({ network, mac, ips: [ip], settings, device, access }: Nic): NicSpecs[number] => ({
  network,
  mac,
  ...(ip !== undefined && { ip }),
  settings,
  ...(device !== null && { device }),
  ...(access !== null && { access }),
});

/** Where a NIC is by now: others may have changed the list since it was shown. @throws ApiError NIC_NOT_FOUND */
export function indexOfNic({ name, nics }: Pick<Vm, 'name' | 'nics'>, mac: string): number {
  const index = nics.findIndex(nic => nic.mac === mac);
  if (index !== -1) return index;
  throw new ApiError('NIC_NOT_FOUND', 'There is no such NIC', `${name} has no NIC with ${mac} any more`);
}

/** Before those of physical cards, as the gateway wants it. @returns also where it is now */
export function withNic(nics: readonly Nic[], added: NicSpecs[number]): { specs: NicSpecs; index: number } {
  const firstCard = nics.findIndex(({ device }) => device !== null);
  const index = firstCard === -1 ? nics.length : firstCard;
  return { specs: nics.map(specOf).toSpliced(index, 0, added), index };
}

export const withoutNic = (nics: readonly Nic[], index: number): NicSpecs =>
  nics.map(specOf).toSpliced(index, 1);

/** On another network, with another address; its MAC and its settings stay. */
export const withMovedNic = (
  nics: readonly Nic[],
  index: number,
  { network, ip }: { network: string; ip?: string },
): NicSpecs =>
  nics.map(specOf).map((spec, each) => {
    if (each !== index) return spec;
    const { ip: _, ...rest } = spec;
    return { ...rest, network, ...(ip !== undefined && { ip }) };
  });
