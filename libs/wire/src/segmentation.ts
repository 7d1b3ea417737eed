import { putU16, putU32, u16, u32 } from './big-endian';
import { completeChecksum, TCP_CHECKSUM } from './checksum-offload';
import { checksumOf, sumWords } from './internet-checksum';
import { findIpPacket, ipProtocols, pseudoHeaderSum, type IpPacket } from './ip-packet';
import { SUPER_FRAME_ETHERNET, superFrameProblem } from './super-frame';
import { gsoTypes, VIRTIO_NET_HEADER_BYTES, VirtioNetHeader } from './virtio-net-header';

/**
 * Why a super-frame cannot be cut. `malformed`: its headers contradict each other or the frame. `unsupported`:
 * nothing that a sender may ask for by what is negotiated (UDP), or a segment that TCP does not send in bulk.
 * `too-many`: more than `MAX_SEGMENTS`.
 */
export type SegmentationProblem = 'malformed' | 'unsupported' | 'too-many';

/** 64 KiB in segments of Linux's smallest MSS (48 bytes, net.ipv4.tcp_min_snd_mss) are 1366. */
export const MAX_SEGMENTS = 2048;
/** Ethernet, tags, IP with options or extension headers, TCP with options: repeated in front of each segment. */
const MAX_HEADER_BYTES = 512;

const TCP_HEADER_BYTES = 20;
const tcpFlags = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, URG: 0x20, CWR: 0x80 } as const;

export interface SegmentOptions {
  /** Each segment with an empty virtio-net header in front, so that it is a super-frame again. */
  superFrames?: boolean;
}

/**
 * What a super-frame is on a wire: plain Ethernet frames with all checksums in place; one, unless it asks for TCP
 * segmentation. CWR stays on the first segment (RFC 3168 §6.1.2), FIN and PSH on the last; the IPv4
 * identification counts up. Of IPv6's extension headers, hop-by-hop and destination options are repeated.
 *
 * The segments are views into one new buffer, or into the frame itself when nothing had to be changed.
 * The output is bounded: at most `MAX_SEGMENTS` × 512 bytes longer than the input.
 */
export function segmentSuperFrame(
  frame: Uint8Array,
  options: SegmentOptions = {},
): Uint8Array[] | SegmentationProblem {
  if (superFrameProblem(frame) !== undefined) return 'malformed';
  if (frame[1] !== gsoTypes.NONE) {
    const plan = planSegments(frame);
    return typeof plan === 'string'
      ? plan
      : cut(frame, plan, options.superFrames ? VIRTIO_NET_HEADER_BYTES : 0);
  }
  const whole = completeChecksum(frame);
  if (whole === 'malformed') return whole;
  return [options.superFrames ? whole : whole.subarray(SUPER_FRAME_ETHERNET)];
}

/**
 * How many frames a super-frame is on a wire, from a few bytes of it. For one that cannot be segmented it is a
 * number from 1 to `MAX_SEGMENTS` all the same.
 */
export function segmentCount(frame: Uint8Array): number {
  if (frame.length < VIRTIO_NET_HEADER_BYTES || frame[1] === gsoTypes.NONE) return 1;
  const header = new VirtioNetHeader(frame);
  const payload = frame.length - tcpPayload(frame, SUPER_FRAME_ETHERNET + header.checksumStart);
  if (payload <= 0 || header.gsoSize === 0) return 1;
  return Math.min(Math.ceil(payload / header.gsoSize), MAX_SEGMENTS);
}

/** Bytes of IP of the longest frame that a super-frame becomes on a wire; 0 for a frame that carries no whole IP packet. */
export function ipBytesOnWire(frame: Uint8Array): number {
  const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET);
  if (!packet) return 0;
  const whole = packet.end - packet.start;
  if (frame[1] === gsoTypes.NONE) return whole;
  const headers = tcpPayload(frame, packet.payload) - packet.start;
  return Math.min(whole, headers + new VirtioNetHeader(frame).gsoSize);
}

/** Where the payload starts behind the TCP header at `tcp`; `tcp` itself when the frame ends before. */
function tcpPayload(frame: Uint8Array, tcp: number): number {
  return tcp + ((frame[tcp + 12] ?? 0) >> 4) * 4;
}

interface Plan {
  packet: IpPacket;
  payload: number;
  size: number;
  count: number;
}

function planSegments(frame: Uint8Array): Plan | SegmentationProblem {
  const header = new VirtioNetHeader(frame);
  const type = header.gsoType & ~gsoTypes.ECN;
  if (type !== gsoTypes.TCPV4 && type !== gsoTypes.TCPV6) return 'unsupported';
  const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET);
  if (!packet || packet.version !== (type === gsoTypes.TCPV4 ? 4 : 6)) return 'malformed';
  if (packet.protocol !== ipProtocols.TCP || packet.isFragment) return 'unsupported';
  const tcp = packet.payload;
  if (tcp + TCP_HEADER_BYTES > packet.end) return 'malformed';
  const payload = tcpPayload(frame, tcp);
  if (payload < tcp + TCP_HEADER_BYTES || payload > packet.end) return 'malformed';
  if (header.checksumStart !== tcp - SUPER_FRAME_ETHERNET || header.checksumOffset !== TCP_CHECKSUM)
    return 'malformed';
  if (payload - SUPER_FRAME_ETHERNET > MAX_HEADER_BYTES) return 'unsupported';
  // A connection is neither opened nor reset in bulk, and an urgent pointer would have to change from segment to
  // segment; Linux sends none of them so.
  if ((frame[tcp + 13] as number) & (tcpFlags.SYN | tcpFlags.RST | tcpFlags.URG)) return 'unsupported';
  const count = Math.max(Math.ceil((packet.end - payload) / header.gsoSize), 1);
  return count > MAX_SEGMENTS ? 'too-many' : { packet, payload, size: header.gsoSize, count };
}

/** `room` bytes of zero stand in front of each segment. */
function cut(frame: Uint8Array, { packet, payload, size, count }: Plan, room: number): Uint8Array[] {
  const headers = frame.subarray(SUPER_FRAME_ETHERNET, payload);
  // Segments start at even offsets: checksums are faster there.
  const stride = (room + headers.length + size + 1) & ~1;
  const out = new Uint8Array(
    (count - 1) * stride + room + headers.length + Math.min(size, packet.end - payload),
  );
  const segments: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const from = payload + i * size;
    const to = Math.min(from + size, packet.end);
    const at = i * stride;
    const segment = out.subarray(at, at + room + headers.length + to - from);
    segment.set(headers, room);
    segment.set(frame.subarray(from, to), room + headers.length);
    finish(segment, packet, room - SUPER_FRAME_ETHERNET, {
      index: i,
      isLast: i === count - 1,
      sent: i * size,
    });
    segments.push(segment);
  }
  return segments;
}

/** Writes what differs from segment to segment. `shift` leads from the super-frame's offsets to the segment's. */
function finish(
  segment: Uint8Array,
  packet: IpPacket,
  shift: number,
  { index, isLast, sent }: { index: number; isLast: boolean; sent: number },
): void {
  const ip = packet.start + shift;
  const tcp = packet.payload + shift;
  if (packet.version === 4) {
    putU16(segment, ip + 2, segment.length - ip);
    putU16(segment, ip + 4, u16(segment, ip + 4) + index);
    putU16(segment, ip + 10, 0);
    putU16(segment, ip + 10, checksumOf(sumWords(segment, ip, tcp)));
  } else putU16(segment, ip + 4, segment.length - ip - 40);
  putU32(segment, tcp + 4, u32(segment, tcp + 4) + sent);
  let flags = segment[tcp + 13] as number;
  if (index > 0) flags &= ~tcpFlags.CWR;
  if (!isLast) flags &= ~(tcpFlags.FIN | tcpFlags.PSH);
  segment[tcp + 13] = flags;
  putU16(segment, tcp + TCP_CHECKSUM, 0);
  const length = segment.length - tcp;
  const pseudo = pseudoHeaderSum(segment, { ...packet, start: ip }, length);
  putU16(segment, tcp + TCP_CHECKSUM, checksumOf(sumWords(segment, tcp, segment.length, pseudo)));
}
