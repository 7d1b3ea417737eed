import { formatMac, IEEE80211_HEADER_BYTES, type Ieee80211Frame } from '@v3vee/wire';
import type { Station } from './station';
import type { Phy } from './vm-port';

/** What Linux' driver takes, without FCS. */
export const LONGEST_FRAME = 2_352;
const EVERY_BSS = 'ff:ff:ff:ff:ff:ff';
const ADDRESS_1 = 4;

/** Whether a guest's driver would take it: others are not worth a message. */
export const isDeliverable = (frame: Uint8Array): boolean =>
  frame.length >= IEEE80211_HEADER_BYTES && frame.length <= LONGEST_FRAME;

/**
 * Whether a group frame is for the guest: it is of its BSS, or the guest scans. Of other BSSs one that is in none yet
 * hears what manages them (beacons). An access point in the guest hears probe requests, and what is for every BSS.
 */
export function wantsGroup(phy: Phy, frame: Ieee80211Frame, bssid: string, now: number): boolean {
  if (phy.scans(now)) return true;
  let isMember = false;
  for (const { state, bssid: own } of phy.stations) {
    if (own === bssid || (state === 'ap' && bssid === EVERY_BSS)) return true;
    if (own !== undefined) isMember = true;
  }
  if (frame.isProbeRequest || !frame.isManagement) return false;
  return !isMember || bssid === EVERY_BSS;
}

export const bssidOf = (frame: Ieee80211Frame): string => {
  const { bssid } = frame;
  return bssid.length > 0 ? formatMac(bssid) : EVERY_BSS;
};

/** The address with which a guest scans. */
export function scanner(phy: Phy): Station | undefined {
  const stations = [...phy.stations];
  return stations.find(({ scanOnly }) => scanOnly) ?? stations.find(({ refs }) => refs > 1) ?? stations[0];
}

/** An answer to one station's probe request, as the answer to another's. */
export function addressedTo(frame: Uint8Array, station: Station): Uint8Array {
  const copy = frame.slice();
  copy.set(station.bytes, ADDRESS_1);
  return copy;
}
