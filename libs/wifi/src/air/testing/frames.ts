import { dataSubtypes, frameControl, frameTypes, ieee80211Frame, parseMac } from '@v3vee/wire';

/** A data frame to an access point whose IP packet has `bytes` (1500 is a full one). */
export function dataFrame(to: string, from: string, bytes: number, sequence = 0): Uint8Array {
  return ieee80211Frame(
    {
      type: frameTypes.DATA,
      subtype: dataSubtypes.DATA,
      flags: frameControl.TO_DS,
      addr1: parseMac(to),
      addr2: parseMac(from),
      addr3: parseMac(to),
      sequence,
    },
    new Uint8Array(8 + bytes),
  );
}
