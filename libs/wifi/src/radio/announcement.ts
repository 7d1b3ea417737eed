import {
  nullToAp,
  parseMac,
  encodeReason,
  frameTypes,
  ieee80211Frame,
  managementSubtypes,
  reasonCodes,
} from '@v3vee/wire';
import { basicRate } from '../air';
import type { Transmission } from '../antenna';
import type { Station } from './station';

/** What announcements are sent with: they must arrive. */
const TRIES = 7;
/** Half of the sequence numbers away from the guest's: never taken for a duplicate of its frames, nor they of it. */
const AWAY_FROM_GUEST = 2_048;
const SEQUENCES = 4_096;

const robust = (freq: number) => [{ rate: basicRate(freq), tries: TRIES }];

/** Tells a vMAC's access point that it sleeps or is awake (IEEE 802.11-2020 §11.2.3.2). */
export function powerSaveNull(station: Station, freq: number, sleeps: boolean): Transmission {
  const bssid = parseMac(station.bssid as string);
  const sequence = (station.sequence + AWAY_FROM_GUEST) % SEQUENCES;
  return { frame: nullToAp(bssid, station.bytes, { sleeps, sequence }), freq, rates: robust(freq) };
}

/** Takes leave of the access point for a vMAC whose VM is gone. */
export function leaving(station: Station, freq: number): Transmission {
  const bssid = parseMac(station.bssid as string);
  const frame = ieee80211Frame(
    {
      type: frameTypes.MANAGEMENT,
      subtype: managementSubtypes.DEAUTHENTICATION,
      addr1: bssid,
      addr2: station.bytes,
      addr3: bssid,
      sequence: (station.sequence + AWAY_FROM_GUEST) % SEQUENCES,
    },
    encodeReason(reasonCodes.LEAVING),
  );
  return { frame, freq, rates: robust(freq) };
}
