import { BROADCAST_MAC, ETHERNET_HEADER_BYTES, MAC_BYTES, parseMac } from '@v3vee/wire';

/** LLC exchange identification, response (IEEE 802.2 §5.4.1.1.2): says nothing but whose it is. */
const XID = [0x00, 0x01, 0xaf, 0x81, 0x01, 0x00] as const;

/** A broadcast from the station's address: bridges learn where it is now (IEEE 802.11F §6.6, "layer 2 update frame"). */
export function layer2Update(station: Uint8Array): Uint8Array {
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + XID.length);
  frame.set(parseMac(BROADCAST_MAC));
  frame.set(station, MAC_BYTES);
  frame[ETHERNET_HEADER_BYTES - 1] = XID.length;
  frame.set(XID, ETHERNET_HEADER_BYTES);
  return frame;
}
