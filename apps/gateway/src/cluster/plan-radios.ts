import { V3Error, type Radio, type Topology } from '@v3vee/contracts';
import type { HostEntity, HostRecord, VmDefinition } from '@v3vee/store';

/** As it is declared; a radio of which no position is said stays where it is, since radios are moved by hand. */
export function withPositions(declared: HostRecord, present: HostEntity | undefined): HostRecord {
  const radios = declared.radios.map((radio): Radio => {
    const position = radio.position ?? present?.radios.find(({ name }) => name === radio.name)?.position;
    return position ? { ...radio, position } : radio;
  });
  return { ...declared, radios };
}

/** A host as it is first saved: radios that are no longer declared stay until no VM uses them any more. */
export function withGoingRadios(declared: HostRecord, present: HostEntity | undefined): HostRecord {
  const names = new Set(declared.radios.map(({ name }) => name));
  const going = present?.radios.filter(({ name }) => !names.has(name)) ?? [];
  return { ...declared, radios: [...declared.radios, ...going] };
}

/**
 * Looked at before anything is changed.
 * @param byHand VMs that are not declared and stay
 * @throws V3Error DEVICE_IN_USE when one of them needs a radio that is to go
 */
export function refuseToTakeRadios(declared: Topology, byHand: VmDefinition[]): void {
  for (const { name, ownerHost, wifi } of byHand) {
    for (const { index, radio } of wifi) {
      if (declared.hosts[ownerHost]?.radios.some(each => each.name === radio)) continue;
      throw new V3Error(
        'DEVICE_IN_USE',
        `radio ${ownerHost}/${radio} is not declared any more, but ${name}/wlan${index}, made by hand, uses it; ` +
          `delete that VM or give it other Wi-Fi NICs first`,
      );
    }
  }
}
