import { putU16, putU32, u16, u32 } from './big-endian';
import { ETHERNET_HEADER_BYTES } from './ethernet';
import { etherTypes } from './ip-packet';
import { MAC_BYTES } from './mac-address';
import { SUPER_FRAME_ETHERNET } from './super-frame';

/** Of a packet for IPv4 over Ethernet (RFC 826). */
export const ARP_BYTES = 28;
export const arpOperations = { REQUEST: 1, REPLY: 2 } as const;

export interface ArpPacket {
  operation: number;
  senderMac: Uint8Array;
  senderIp: number;
  targetMac: Uint8Array;
  targetIp: number;
}

/** The ARP packet at `start`; undefined when it is cut or not for IPv4 over Ethernet. */
export function parseArp(bytes: Uint8Array, start: number): ArpPacket | undefined {
  if (start + ARP_BYTES > bytes.length) return undefined;
  const isIpv4OverEthernet =
    u16(bytes, start) === 1 &&
    u16(bytes, start + 2) === etherTypes.IPV4 &&
    bytes[start + 4] === MAC_BYTES &&
    bytes[start + 5] === 4;
  if (!isIpv4OverEthernet) return undefined;
  return {
    operation: u16(bytes, start + 6),
    senderMac: bytes.subarray(start + 8, start + 14),
    senderIp: u32(bytes, start + 14),
    targetMac: bytes.subarray(start + 18, start + 24),
    targetIp: u32(bytes, start + 24),
  };
}

/** A super-frame with an empty virtio-net header that carries the packet to `destination`. */
export function arpFrame(destination: Uint8Array, packet: ArpPacket): Uint8Array {
  const frame = new Uint8Array(SUPER_FRAME_ETHERNET + ETHERNET_HEADER_BYTES + ARP_BYTES);
  const ethernet = frame.subarray(SUPER_FRAME_ETHERNET);
  ethernet.set(destination, 0);
  ethernet.set(packet.senderMac, MAC_BYTES);
  putU16(ethernet, 2 * MAC_BYTES, etherTypes.ARP);
  const arp = ethernet.subarray(ETHERNET_HEADER_BYTES);
  putU16(arp, 0, 1);
  putU16(arp, 2, etherTypes.IPV4);
  arp[4] = MAC_BYTES;
  arp[5] = 4;
  putU16(arp, 6, packet.operation);
  arp.set(packet.senderMac, 8);
  putU32(arp, 14, packet.senderIp);
  arp.set(packet.targetMac, 18);
  putU32(arp, 24, packet.targetIp);
  return frame;
}
