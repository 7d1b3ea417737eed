import {
  checksumOf,
  findIpPacket,
  gsoTypes,
  ipProtocols,
  pseudoHeaderSum,
  segmentSuperFrame,
  sumWords,
  VIRTIO_NET_HEADER_BYTES,
  virtioNetFlags,
  type IpPacket,
} from '@v3vee/wire';
import { MIN_LINE_FRAME } from '../ethernet/line';
import { RxDesc, TxDesc } from './registers';

/** Offloads of C+ mode: checksums and segmentation of IPv4, VLAN tags (C+ datasheet, chapter 8). */

const IP_CHECKSUM = 10;
const CHECKSUM_AT = { [ipProtocols.TCP]: 16, [ipProtocols.UDP]: 6 } as const;
const MIN_HEADER = { [ipProtocols.TCP]: 20, [ipProtocols.UDP]: 8 } as const;
const VLAN_TYPE = 0x8100;
const TAG_AT = 12;
const TAG_LENGTH = 4;

type Transport = typeof ipProtocols.TCP | typeof ipProtocols.UDP;

const swap = (word: number): number => ((word & 0xff) << 8) | ((word >> 8) & 0xff);

/** The TCP or UDP header of a whole IPv4 packet; undefined where there is none. */
function transportOf(packet: IpPacket): Transport | undefined {
  const { protocol } = packet;
  if (protocol !== ipProtocols.TCP && protocol !== ipProtocols.UDP) return undefined;
  return packet.isFragment || packet.payload + MIN_HEADER[protocol] > packet.end ? undefined : protocol;
}

const ipv4In = (frame: Uint8Array): IpPacket | undefined => {
  const packet = findIpPacket(frame, 0);
  return packet?.version === 4 ? packet : undefined;
};

const transportSum = (frame: Uint8Array, packet: IpPacket): number =>
  sumWords(frame, packet.payload, packet.end, pseudoHeaderSum(frame, packet, packet.end - packet.payload));

/**
 * The frames that a transmitted packet becomes, padded to the shortest that a segment takes.
 * @param opts both double words of its first descriptor
 * @returns undefined for a large send that cannot be cut: no TCP in IPv4, a segment size of 0
 */
export function finishTransmit(
  data: Uint8Array<ArrayBuffer>,
  opts1: number,
  opts2: number,
): Uint8Array<ArrayBuffer>[] | undefined {
  const frames = opts1 & TxDesc.largeSend ? cutLargeSend(data, opts1) : [data];
  if (!frames) return undefined;
  if (!(opts1 & TxDesc.largeSend)) fillChecksums(data, opts1);
  return frames.map(frame => padded(opts2 & TxDesc.addTag ? withTag(frame, swap(opts2)) : frame));
}

function fillChecksums(frame: Uint8Array, opts1: number): void {
  if (!(opts1 & (TxDesc.ipChecksum | TxDesc.tcpChecksum | TxDesc.udpChecksum))) return;
  const packet = ipv4In(frame);
  if (!packet) return;
  const view = new DataView(frame.buffer, frame.byteOffset);
  if (opts1 & TxDesc.ipChecksum) {
    view.setUint16(packet.start + IP_CHECKSUM, 0);
    view.setUint16(packet.start + IP_CHECKSUM, checksumOf(sumWords(frame, packet.start, packet.payload)));
  }
  const transport = transportOf(packet);
  const wanted = transport === ipProtocols.TCP ? TxDesc.tcpChecksum : TxDesc.udpChecksum;
  if (transport === undefined || !(opts1 & wanted)) return;
  const field = packet.payload + CHECKSUM_AT[transport];
  view.setUint16(field, 0);
  // 0 means "no checksum" to UDP: then its other form is sent (RFC 768)
  view.setUint16(field, checksumOf(transportSum(frame, packet)) || 0xffff);
}

/** Segments as a super-frame's are cut: headers repeated, identification and sequence counted up, checksums filled in. */
function cutLargeSend(data: Uint8Array, opts1: number): Uint8Array<ArrayBuffer>[] | undefined {
  const packet = ipv4In(data);
  const mss = (opts1 >>> TxDesc.mssShift) & TxDesc.mssMask;
  if (!packet || mss === 0 || transportOf(packet) !== ipProtocols.TCP) return undefined;
  const superFrame = new Uint8Array(VIRTIO_NET_HEADER_BYTES + data.length);
  const view = new DataView(superFrame.buffer);
  superFrame.set(data, VIRTIO_NET_HEADER_BYTES);
  superFrame[0] = virtioNetFlags.NEEDS_CSUM;
  superFrame[1] = gsoTypes.TCPV4;
  view.setUint16(2, packet.payload + (data[packet.payload + 12]! >> 4) * 4, true);
  view.setUint16(4, mss, true);
  view.setUint16(6, packet.payload, true);
  view.setUint16(8, CHECKSUM_AT[ipProtocols.TCP], true);
  const segments = segmentSuperFrame(superFrame);
  return typeof segments === 'string' ? undefined : segments.map(segment => segment.slice());
}

function withTag(frame: Uint8Array, tag: number): Uint8Array<ArrayBuffer> {
  const tagged = new Uint8Array(frame.length + TAG_LENGTH);
  tagged.set(frame.subarray(0, TAG_AT));
  new DataView(tagged.buffer).setUint32(TAG_AT, ((VLAN_TYPE << 16) | tag) >>> 0);
  tagged.set(frame.subarray(TAG_AT), TAG_AT + TAG_LENGTH);
  return tagged;
}

function padded(frame: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (frame.length >= MIN_LINE_FRAME) return frame;
  const whole = new Uint8Array(MIN_LINE_FRAME);
  whole.set(frame);
  return whole;
}

/** A frame without its VLAN tag, and the second double word of a descriptor that carries the tag. */
export function takeTag(frame: Uint8Array): { frame: Uint8Array; opts2: number } {
  const tagged =
    frame.length >= TAG_AT + TAG_LENGTH && ((frame[TAG_AT]! << 8) | frame[TAG_AT + 1]!) === VLAN_TYPE;
  if (!tagged) return { frame, opts2: 0 };
  const bare = new Uint8Array(Math.max(MIN_LINE_FRAME, frame.length - TAG_LENGTH));
  bare.set(frame.subarray(0, TAG_AT));
  bare.set(frame.subarray(TAG_AT + TAG_LENGTH), TAG_AT);
  const tag = (frame[TAG_AT + 2]! << 8) | frame[TAG_AT + 3]!;
  return { frame: bare, opts2: RxDesc.tagged | swap(tag) };
}

/** Protocol and checksum bits of a receive descriptor. */
export function checkReceived(frame: Uint8Array): number {
  const packet = ipv4In(frame);
  if (!packet) return 0;
  const ipWrong = checksumOf(sumWords(frame, packet.start, packet.payload)) !== 0;
  const base = ipWrong ? RxDesc.ipFailed : 0;
  const transport = transportOf(packet);
  if (transport === undefined) return base | (PROTOCOL_IP << RxDesc.protocolShift);
  const field = packet.payload + CHECKSUM_AT[transport];
  const absent = transport === ipProtocols.UDP && frame[field] === 0 && frame[field + 1] === 0;
  const wrong = !absent && checksumOf(transportSum(frame, packet)) !== 0;
  const isTcp = transport === ipProtocols.TCP;
  const failed = isTcp ? RxDesc.tcpFailed : RxDesc.udpFailed;
  return base | ((isTcp ? PROTOCOL_TCP : PROTOCOL_UDP) << RxDesc.protocolShift) | (wrong ? failed : 0);
}

const PROTOCOL_TCP = 1;
const PROTOCOL_UDP = 2;
const PROTOCOL_IP = 3;
