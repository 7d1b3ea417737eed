import { controlSubtypes, dataSubtypes, frameControl, frameTypes, ieee80211Frame } from './header';
import { putLe16 } from '../little-endian';

/** A PS-Poll (IEEE 802.11-2020 §9.3.1.5): a sleeping station asks for one of its buffered frames. */
export function psPoll(aid: number, bssid: Uint8Array, station: Uint8Array): Uint8Array {
  return control(controlSubtypes.PS_POLL, aid | 0xc000, bssid, station);
}

/** §9.3.1.4. */
export function acknowledgement(receiver: Uint8Array): Uint8Array {
  return control(controlSubtypes.ACK, 0, receiver);
}

/** The AID of a PS-Poll's duration field. */
export const psPollAid = (duration: number): number => duration & 0x3fff;

/** From a station: only tells whether it sleeps from now on. */
export function nullToAp(
  bssid: Uint8Array,
  station: Uint8Array,
  options: { sleeps: boolean; sequence?: number },
): Uint8Array {
  const flags = frameControl.TO_DS | (options.sleeps ? frameControl.POWER_MANAGEMENT : 0);
  const { sequence } = options;
  return ieee80211Frame({
    type: frameTypes.DATA,
    subtype: dataSubtypes.NULL,
    flags,
    addr1: bssid,
    addr2: station,
    addr3: bssid,
    sequence,
  });
}

/** From an access point: asks whether the station is there, or tells that nothing is buffered. */
export function nullToStation(bssid: Uint8Array, station: Uint8Array, sequence = 0): Uint8Array {
  return ieee80211Frame({
    type: frameTypes.DATA,
    subtype: dataSubtypes.NULL,
    flags: frameControl.FROM_DS,
    addr1: station,
    addr2: bssid,
    addr3: bssid,
    sequence,
  });
}

function control(subtype: number, duration: number, ...addresses: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(4 + 6 * addresses.length);
  putLe16(bytes, 0, (frameTypes.CONTROL << 2) | (subtype << 4));
  putLe16(bytes, 2, duration);
  addresses.forEach((address, i) => bytes.set(address, 4 + 6 * i));
  return bytes;
}
