import { ETHERNET_HEADER_BYTES, MAX_ETHERNET_BYTES } from './ethernet';
import { VIRTIO_NET_HEADER_BYTES, VirtioNetHeader } from './virtio-net-header';

/**
 * What travels through the overlay: `[12-byte virtio-net header][Ethernet frame without FCS]`. With the header,
 * checksum and segmentation offload reach from guest to guest, so that a frame may carry 64 KiB.
 */
export const SUPER_FRAME_ETHERNET = VIRTIO_NET_HEADER_BYTES;
export const MIN_SUPER_FRAME_BYTES = VIRTIO_NET_HEADER_BYTES + ETHERNET_HEADER_BYTES;
export const MAX_SUPER_FRAME_BYTES = VIRTIO_NET_HEADER_BYTES + MAX_ETHERNET_BYTES;

/**
 * What is wrong with a super-frame; undefined when nothing is. It returns instead of throwing because it
 * stands on the path of every frame, and a guest can send as much garbage as it likes.
 * There is no lower limit but the header: guests do not pad to Ethernet's 60 bytes, nor need they here.
 */
export function superFrameProblem(bytes: Uint8Array): string | undefined {
  if (bytes.length < MIN_SUPER_FRAME_BYTES) {
    return `${bytes.length} bytes are less than the headers' ${MIN_SUPER_FRAME_BYTES}`;
  }
  if (bytes.length > MAX_SUPER_FRAME_BYTES) {
    return `${bytes.length} bytes are more than the largest super-frame's ${MAX_SUPER_FRAME_BYTES}`;
  }
  // Most frames ask for no offload at all: two bytes tell.
  if (bytes[0] === 0 && bytes[1] === 0) return undefined;
  return new VirtioNetHeader(bytes).problem(bytes.length - VIRTIO_NET_HEADER_BYTES);
}
