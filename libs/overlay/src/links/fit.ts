import {
  ETHERNET_HEADER_BYTES,
  fragmentIpv4,
  ipBytesOnWire,
  packetTooBig,
  segmentSuperFrame,
  SUPER_FRAME_ETHERNET,
} from '@v3vee/wire';

/** Two VLAN tags, which no MTU counts. */
const TAG_BYTES = 8;

export type Fitted =
  | { frames: Uint8Array[] }
  /** `answer`: a super-frame for the sender, where one is due. */
  | { problem: 'malformed' | 'too-big'; answer?: Uint8Array };

/**
 * A super-frame as the plain Ethernet frames that a wire with this MTU (bytes of IP) carries: checksums finished, TCP
 * segmented as the sender wants it, IPv4 that allows it fragmented. What is still too long is a problem, and may
 * have an answer for its sender.
 */
export function fitToWire(frame: Uint8Array, mtu: number): Fitted {
  const ipBytes = ipBytesOnWire(frame);
  // What carries no IP has nobody to tell.
  const otherBytes = frame.length - SUPER_FRAME_ETHERNET - ETHERNET_HEADER_BYTES - TAG_BYTES;
  if (ipBytes === 0 && otherBytes > mtu) return { problem: 'too-big' };
  const answer = ipBytes > mtu ? packetTooBig(frame, mtu) : undefined;
  if (answer) return { problem: 'too-big', answer };
  const segments = segmentSuperFrame(frame);
  if (typeof segments === 'string') return { problem: 'malformed' };
  if (ipBytes <= mtu) return { frames: segments };
  const fragments = segments.map(segment => fragmentIpv4(segment, mtu));
  if (!fragments.every(list => list !== undefined)) return { problem: 'too-big' };
  return { frames: fragments.flat() };
}
