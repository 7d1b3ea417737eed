import { hasFeature } from '../features';

/** `struct virtio_net_hdr` with num_buffers (virtio 1.2, section 5.1.6): it leads every frame of ours. */
export const NET_HEADER_LENGTH = 12;
/** Ethernet header plus the largest IP packet, which is what segmentation offload hands over. */
export const MAX_FRAME_LENGTH = NET_HEADER_LENGTH + 14 + 65536;
export const MIN_FRAME_LENGTH = NET_HEADER_LENGTH + 14;

/** Feature bits of a network device (5.1.3). */
export const NetFeature = {
  csum: 0,
  guestCsum: 1,
  mtu: 3,
  mac: 5,
  guestTso4: 7,
  guestTso6: 8,
  guestEcn: 9,
  hostTso4: 11,
  hostTso6: 12,
  hostEcn: 13,
  mrgRxbuf: 15,
  status: 16,
  ctrlVq: 17,
  ctrlRx: 18,
  ctrlVlan: 19,
  ctrlRxExtra: 20,
  guestAnnounce: 21,
  ctrlMacAddr: 23,
} as const;

/** What a feature is useless without (5.1.3.1): a driver that negotiates one without the other is refused. */
const requirements: readonly (readonly [feature: number, needs: number])[] = [
  [NetFeature.guestTso4, NetFeature.guestCsum],
  [NetFeature.guestTso6, NetFeature.guestCsum],
  [NetFeature.hostTso4, NetFeature.csum],
  [NetFeature.hostTso6, NetFeature.csum],
  [NetFeature.ctrlRx, NetFeature.ctrlVq],
  [NetFeature.ctrlVlan, NetFeature.ctrlVq],
  [NetFeature.ctrlRxExtra, NetFeature.ctrlVq],
  [NetFeature.guestAnnounce, NetFeature.ctrlVq],
  [NetFeature.ctrlMacAddr, NetFeature.ctrlVq],
];

/** Whether a driver may negotiate these features together; GUEST_ECN and HOST_ECN need one of two others. */
export function isCoherent(features: bigint): boolean {
  const has = (bit: number) => hasFeature(features, bit);
  return (
    requirements.every(([feature, needs]) => !has(feature) || has(needs)) &&
    (!has(NetFeature.guestEcn) || has(NetFeature.guestTso4) || has(NetFeature.guestTso6)) &&
    (!has(NetFeature.hostEcn) || has(NetFeature.hostTso4) || has(NetFeature.hostTso6))
  );
}

const FLAG_NEEDS_CSUM = 1;
const GSO_NONE = 0;
const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;
const GSO_ECN = 0x80;

/** Smallest segment: with less, one super-frame becomes thousands of frames (Linux's limit since CVE-2019-11479). */
const MIN_SEGMENT = 48;
const ETHERNET_HEADER = 14;
const TCP_HEADER = 20;
const TCP_CHECKSUM = 16;

const FLAGS = 0;
const GSO_TYPE = 1;
const HDR_LEN = 2;
const GSO_SIZE = 4;
const CSUM_START = 6;
const CSUM_OFFSET = 8;
const NUM_BUFFERS = 10;

const u16 = (frame: Uint8Array, at: number): number => frame[at]! | (frame[at + 1]! << 8);

/** True if the frame is a super-frame that a real wire would carry in segments of `gso_size`. */
export const isSuperFrame = (frame: Uint8Array): boolean => frame[GSO_TYPE] !== GSO_NONE;

/** True if the transport checksum still has to be filled in. */
export const needsChecksum = (frame: Uint8Array): boolean => (frame[FLAGS]! & FLAG_NEEDS_CSUM) !== 0;

/**
 * Checks the header of a frame that a guest sent and strips what a sender may not say, so that no other guest
 * has to trust it.
 * @param features what the sending driver negotiated
 * @returns false if the header claims what was not negotiated or points outside of the frame
 */
export function sanitizeTransmitted(frame: Uint8Array, features: bigint): boolean {
  frame[FLAGS]! &= FLAG_NEEDS_CSUM;
  frame.fill(0, NUM_BUFFERS, NUM_BUFFERS + 2);
  const length = frame.length - NET_HEADER_LENGTH;
  if (needsChecksum(frame)) {
    if (!hasFeature(features, NetFeature.csum)) return false;
    const start = u16(frame, CSUM_START);
    if (start < ETHERNET_HEADER || start + u16(frame, CSUM_OFFSET) + 2 > length) return false;
  } else frame.fill(0, CSUM_START, CSUM_OFFSET + 2);
  const type = frame[GSO_TYPE]! & ~GSO_ECN;
  const ecn = (frame[GSO_TYPE]! & GSO_ECN) !== 0;
  if (ecn && (type === GSO_NONE || !hasFeature(features, NetFeature.hostEcn))) return false;
  if (type === GSO_NONE) {
    frame.fill(0, HDR_LEN, GSO_SIZE + 2);
    return true;
  }
  const offered =
    type === GSO_TCPV4 ? NetFeature.hostTso4 : type === GSO_TCPV6 ? NetFeature.hostTso6 : undefined;
  return offered !== undefined && hasFeature(features, offered) && segmentable(frame, length);
}

/** Whether the header describes TCP segments that lie in a frame of `length` bytes. */
const segmentable = (frame: Uint8Array, length: number): boolean =>
  needsChecksum(frame) &&
  u16(frame, GSO_SIZE) >= MIN_SEGMENT &&
  u16(frame, CSUM_OFFSET) === TCP_CHECKSUM &&
  u16(frame, CSUM_START) + TCP_HEADER <= length;

/** Whether a driver with these features can take the frame as it is. */
export function canReceive(frame: Uint8Array, features: bigint): boolean {
  if (needsChecksum(frame) && !hasFeature(features, NetFeature.guestCsum)) return false;
  const type = frame[GSO_TYPE]! & ~GSO_ECN;
  if (type === GSO_NONE) return true;
  if (frame[GSO_TYPE]! & GSO_ECN && !hasFeature(features, NetFeature.guestEcn)) return false;
  if (type === GSO_TCPV4) return hasFeature(features, NetFeature.guestTso4);
  return type === GSO_TCPV6 && hasFeature(features, NetFeature.guestTso6);
}

/** Notes over how many receive buffers the frame is spread. */
export function setNumBuffers(frame: Uint8Array, count: number): void {
  frame[NUM_BUFFERS] = count & 0xff;
  frame[NUM_BUFFERS + 1] = count >> 8;
}
