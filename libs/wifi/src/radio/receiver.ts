import { encodeReceived, Ieee80211Frame } from '@v3vee/wire';
import type { Reception } from '../antenna';
import type { BssTable } from './bss-table';
import { addressedTo, bssidOf, isDeliverable, scanner, wantsGroup } from './distribution';
import { toIndex } from './hwsim-rates';
import type { Lane } from './lane';
import { observeReceived } from './observer';
import type { Station } from './station';
import type { Phy } from './vm-port';

/** Who gets what arrives: by vMAC, by BSS, and what else a guest asks for (see `consolidation.ts`). */
export class Receiver {
  constructor(
    private readonly stations: ReadonlyMap<string, Station>,
    private readonly table: BssTable,
    private readonly phys: () => Iterable<Phy>,
    private readonly lane: (freq: number) => Lane,
  ) {}

  /** @param from radio of the guest that sent it, if it was one of ours: it does not hear itself */
  arrive(reception: Reception, frame: Ieee80211Frame, now: number, from?: Phy): void {
    this.table.hear(frame, reception, now);
    if (frame.isGroupAddressed) this.#toGroup(reception, frame, now, from);
    else this.#toOwner(reception, frame, now, from);
  }

  deliver(phy: Phy, { frame, rate, signal, freq }: Reception): void {
    if (!isDeliverable(frame)) return;
    phy.vm.deliver(encodeReceived({ radio: phy.bytes, frame, rate: toIndex(rate, freq), signal, freq }));
  }

  #toOwner(reception: Reception, frame: Ieee80211Frame, now: number, from: Phy | undefined): void {
    const owner = this.stations.get(frame.receiver);
    if (owner && owner.phy !== from) {
      const lane = this.lane(reception.freq);
      lane.heard = lane.traffic = now;
      owner.lastTraffic = now;
      owner.received++;
      owner.receivedBytes += reception.frame.length;
      owner.rxRate = reception.rate;
      observeReceived(owner, frame, now);
      this.deliver(owner.phy, reception);
    }
    for (const phy of this.phys()) {
      if (phy === owner?.phy || phy === from) continue;
      if (phy.hearsAll) this.deliver(phy, reception);
      else if (frame.isProbeResponse && phy.scans(now)) this.tellResult(phy, reception);
    }
  }

  /** A probe response to somebody, as one to this scanning guest. */
  tellResult(phy: Phy, reception: Reception): void {
    const to = scanner(phy);
    if (to) this.deliver(phy, { ...reception, frame: addressedTo(reception.frame, to) });
  }

  #toGroup(reception: Reception, frame: Ieee80211Frame, now: number, from: Phy | undefined): void {
    const bssid = bssidOf(frame);
    for (const phy of this.phys()) {
      if (phy === from) continue;
      const wants = phy.hearsAll || wantsGroup(phy, frame, bssid, now);
      for (const station of phy.stations) {
        if (station.bssid !== bssid || station.state === 'ap') continue;
        if (frame.isBeacon) station.signal = reception.signal;
        observeReceived(station, frame, now);
      }
      if (wants) this.deliver(phy, reception);
    }
  }
}
