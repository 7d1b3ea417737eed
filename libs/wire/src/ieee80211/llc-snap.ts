import { putU16, u16 } from '../big-endian';
import { ETHERNET_HEADER_BYTES, EthernetView } from '../ethernet';
import { MAC_BYTES } from '../mac-address';
import { WireError } from '../wire-error';

/** What a data frame can carry at most (IEEE 802.11-2020 §9.2.4.7.1, table 9-25). */
export const MAX_MSDU_BYTES = 2304;
/** LLC AA-AA-03, OUI, EtherType. */
export const LLC_SNAP_BYTES = 8;
const RFC1042 = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00] as const;
/** Of protocols that have an encapsulation of their own over 802 networks (IEEE 802.1H): AARP and IPX. */
const BRIDGE_TUNNEL = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0xf8] as const;
const TUNNELLED: readonly number[] = [0x80f3, 0x8137];
/** Smaller values of Ethernet's third field are a length (IEEE 802.3 §3.2.6). */
const MIN_ETHER_TYPE = 0x600;

/** What a data frame carries of an Ethernet frame (IEEE 802.11-2020 §5.1.4, RFC 1042): LLC/SNAP and payload. */
export function msduFromEthernet(ethernet: EthernetView): Uint8Array {
  const { etherType, payload } = ethernet;
  // A frame with a length has LLC of its own, and maybe padding behind it.
  if (etherType < MIN_ETHER_TYPE) return payload.subarray(0, etherType);
  return llcSnap(etherType, payload);
}

/** The payload behind an LLC/SNAP header of this EtherType. */
export function llcSnap(etherType: number, payload: Uint8Array): Uint8Array {
  const msdu = new Uint8Array(LLC_SNAP_BYTES + payload.length);
  msdu.set(TUNNELLED.includes(etherType) ? BRIDGE_TUNNEL : RFC1042);
  putU16(msdu, 6, etherType);
  msdu.set(payload, LLC_SNAP_BYTES);
  return msdu;
}

/** The EtherType behind LLC/SNAP; undefined for other LLC. */
export function msduEtherType(msdu: Uint8Array): number | undefined {
  if (msdu.length < LLC_SNAP_BYTES) return undefined;
  const type = u16(msdu, 6);
  if (type < MIN_ETHER_TYPE) return undefined;
  const isTunnelled = TUNNELLED.includes(type);
  if (startsWith(msdu, RFC1042)) return isTunnelled ? undefined : type;
  return startsWith(msdu, BRIDGE_TUNNEL) ? type : undefined;
}

/**
 * The Ethernet frame of what a data frame carries. LLC other than SNAP keeps its header behind a length.
 * @throws WireError when it is more than a data frame carries
 */
export function ethernetFromMsdu(destination: Uint8Array, source: Uint8Array, msdu: Uint8Array): Uint8Array {
  if (msdu.length > MAX_MSDU_BYTES) {
    throw new WireError(`a data frame carries at most ${MAX_MSDU_BYTES} bytes, not ${msdu.length}`, 0);
  }
  const type = msduEtherType(msdu);
  const payload = type === undefined ? msdu : msdu.subarray(LLC_SNAP_BYTES);
  const length = Math.min(msdu.length, MIN_ETHER_TYPE - 1);
  const frame = new Uint8Array(ETHERNET_HEADER_BYTES + payload.length);
  frame.set(destination);
  frame.set(source, MAC_BYTES);
  putU16(frame, 2 * MAC_BYTES, type ?? length);
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((octet, i) => bytes[i] === octet);
}
