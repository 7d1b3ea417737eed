import { putU16, u16 } from './big-endian';
import { checksumOf, fold, sumWords } from './internet-checksum';
import { findIpPacket, ipProtocols, pseudoHeaderSum, type IpPacket } from './ip-packet';
import { SUPER_FRAME_ETHERNET, superFrameProblem } from './super-frame';
import { gsoTypes, VIRTIO_NET_HEADER_BYTES, virtioNetFlags, VirtioNetHeader } from './virtio-net-header';

/** Of the checksum field, from the start of the transport's header. */
export const TCP_CHECKSUM = 16;
const UDP_CHECKSUM = 6;
const TCP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;

/**
 * The super-frame with its checksum in place and an empty virtio-net header: what VIRTIO_NET_HDR_F_NEEDS_CSUM asks
 * for (VIRTIO 1.2 §5.1.6.2: the sum from `csum_start` to the end of the frame; the sender has left the pseudo
 * header's in the field). A frame that asks for nothing is answered as it is; one that does is copied, since
 * super-frames are shared. Not for segmented frames: `segmentSuperFrame` does theirs.
 */
export function completeChecksum(frame: Uint8Array): Uint8Array | 'malformed' {
  if (superFrameProblem(frame) !== undefined || frame[1] !== gsoTypes.NONE) return 'malformed';
  const header = new VirtioNetHeader(frame);
  if (!header.needsChecksum) return frame;
  const start = SUPER_FRAME_ETHERNET + header.checksumStart;
  const copy = frame.slice();
  copy.fill(0, 0, VIRTIO_NET_HEADER_BYTES);
  // For UDP, 0 means "no checksum", so 0 is sent as its other form (RFC 768); TCP's receivers know no difference.
  putU16(copy, start + header.checksumOffset, checksumOf(sumWords(copy, start, copy.length)) || 0xffff);
  return copy;
}

/**
 * The super-frame of an Ethernet frame that came from a wire, which is copied. `mtu` is that wire's, in bytes of IP.
 *
 * From a wire comes nothing that asks for offload, with one exception: a Linux kernel on this same machine leaves
 * checksums, and the segmentation of TCP, to the hardware it believes to be there. A tunnel's payload then arrives
 * here with the pseudo header's sum in the checksum field and up to 64 KiB long. It is recognised by that sum and
 * gets the header that says so. When a finished checksum happens to have that value (one in 65536), nothing is
 * lost: finishing it again yields the same value.
 */
export function superFrameFromWire(ethernet: Uint8Array, mtu: number): Uint8Array {
  const frame = new Uint8Array(VIRTIO_NET_HEADER_BYTES + ethernet.length);
  frame.set(ethernet, VIRTIO_NET_HEADER_BYTES);
  const packet = findIpPacket(frame, SUPER_FRAME_ETHERNET);
  const offset = packet && unfinishedChecksum(frame, packet);
  if (offset === undefined) return frame;
  const view = new DataView(frame.buffer);
  frame[0] = virtioNetFlags.NEEDS_CSUM;
  view.setUint16(6, packet!.payload - SUPER_FRAME_ETHERNET, true);
  view.setUint16(8, offset, true);
  if (offset === TCP_CHECKSUM) askForSegments(frame, view, packet!, mtu);
  return frame;
}

/** Offset of the checksum field that holds but the pseudo header's sum. */
function unfinishedChecksum(frame: Uint8Array, packet: IpPacket): number | undefined {
  const { payload, end, protocol } = packet;
  let offset: number;
  if (protocol === ipProtocols.TCP && payload + TCP_HEADER_BYTES <= end) offset = TCP_CHECKSUM;
  else if (protocol === ipProtocols.UDP && payload + UDP_HEADER_BYTES <= end) offset = UDP_CHECKSUM;
  else return undefined;
  // Padding would be summed up too.
  if (packet.isFragment || end !== frame.length) return undefined;
  const sum = fold(pseudoHeaderSum(frame, packet, end - payload));
  return u16(frame, payload + offset) === sum ? offset : undefined;
}

/** A TCP packet longer than the wire's MTU, with no checksum yet, can only be one that is still to be segmented. */
function askForSegments(frame: Uint8Array, view: DataView, packet: IpPacket, mtu: number): void {
  if (packet.end - packet.start <= mtu) return;
  const headerEnd = packet.payload + ((frame[packet.payload + 12] as number) >> 4) * 4;
  const size = mtu - (headerEnd - packet.start);
  if (headerEnd < packet.payload + TCP_HEADER_BYTES || headerEnd > packet.end || size <= 0) return;
  frame[1] = packet.version === 4 ? gsoTypes.TCPV4 : gsoTypes.TCPV6;
  view.setUint16(2, headerEnd - SUPER_FRAME_ETHERNET, true);
  view.setUint16(4, size, true);
}
