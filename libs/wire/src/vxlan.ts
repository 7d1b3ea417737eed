import { WireError } from './wire-error';

/** RFC 7348 §5: flags, 24 reserved bits, the network identifier, 8 reserved bits. */
export const VXLAN_HEADER_BYTES = 8;
export const VXLAN_PORT = 4789;
export const MAX_VNI = 0xff_ffff;
/** The I flag: the network identifier is valid. */
const VNI_PRESENT = 0x08;

/**
 * The header in front of an Ethernet frame on network `vni`. One is enough for all frames of a network.
 * @throws WireError when `vni` is not a whole number of 24 bits
 */
export function vxlanHeader(vni: number): Uint8Array {
  if (!Number.isInteger(vni) || vni < 0 || vni > MAX_VNI) {
    throw new WireError(
      `${vni} is not a VXLAN network identifier; one is a whole number from 0 to ${MAX_VNI}`,
      4,
    );
  }
  return Uint8Array.of(VNI_PRESENT, 0, 0, 0, vni >> 16, vni >> 8, vni, 0);
}

/**
 * The network identifier of a datagram whose frame starts at `VXLAN_HEADER_BYTES`; undefined when the header is cut
 * short or has no I flag. Reserved bits are ignored, as RFC 7348 §5 wants.
 */
export function vxlanVni(datagram: Uint8Array): number | undefined {
  if (datagram.length < VXLAN_HEADER_BYTES || ((datagram[0] as number) & VNI_PRESENT) === 0) return undefined;
  return ((datagram[4] as number) << 16) | ((datagram[5] as number) << 8) | (datagram[6] as number);
}
