import { ETHERNET_HEADER_BYTES } from './ethernet';
import { WireError } from './wire-error';

/** `struct virtio_net_hdr` with `num_buffers`: VIRTIO 1.2 §5.1.6, little endian. */
export const VIRTIO_NET_HEADER_BYTES = 12;

/** VIRTIO_NET_HDR_F_*. */
export const virtioNetFlags = { NEEDS_CSUM: 1, DATA_VALID: 2, RSC_INFO: 4 } as const;
/** VIRTIO_NET_HDR_GSO_*; `ECN` is a bit beside one of the TCP types. */
export const gsoTypes = { NONE: 0, TCPV4: 1, UDP: 3, TCPV6: 4, UDP_L4: 5, ECN: 0x80 } as const;

const TCP_TYPES: readonly number[] = [gsoTypes.TCPV4, gsoTypes.TCPV6];
const PLAIN_TYPES: readonly number[] = [gsoTypes.NONE, gsoTypes.UDP, gsoTypes.UDP_L4, ...TCP_TYPES];

/** View of the offload header in front of a frame. All offsets in it count from the Ethernet header. */
export class VirtioNetHeader {
  /** @throws WireError when there is no whole header */
  constructor(
    readonly bytes: Uint8Array,
    readonly start = 0,
  ) {
    if (bytes.length - start < VIRTIO_NET_HEADER_BYTES) {
      throw new WireError(
        `a virtio-net header takes ${VIRTIO_NET_HEADER_BYTES} bytes, there are ${Math.max(bytes.length - start, 0)}`,
        start,
      );
    }
  }

  get flags(): number {
    return this.bytes[this.start] as number;
  }
  get gsoType(): number {
    return this.bytes[this.start + 1] as number;
  }
  /** Bytes of headers in front of the segmented payload. */
  get headerLength(): number {
    return this.u16(2);
  }
  /** Payload bytes of each segment. */
  get gsoSize(): number {
    return this.u16(4);
  }
  get checksumStart(): number {
    return this.u16(6);
  }
  /** Of the checksum field, from `checksumStart`. */
  get checksumOffset(): number {
    return this.u16(8);
  }
  get bufferCount(): number {
    return this.u16(10);
  }

  get needsChecksum(): boolean {
    return (this.flags & virtioNetFlags.NEEDS_CSUM) !== 0;
  }
  get isSegmented(): boolean {
    return this.gsoType !== gsoTypes.NONE;
  }

  /**
   * What forbids using this header for a frame of `frameBytes` (without the header); undefined when nothing does.
   * A receiver would read or write outside the frame if it trusted a wrong one. Unknown flag bits are no
   * fault: the specification wants them ignored.
   */
  problem(frameBytes: number): string | undefined {
    if (this.needsChecksum) {
      if (this.checksumStart < ETHERNET_HEADER_BYTES) {
        return `the checksum starts at ${this.checksumStart}, inside the Ethernet header`;
      }
      const end = this.checksumStart + this.checksumOffset + 2;
      if (end > frameBytes) return `the checksum field ends at ${end}, the frame at ${frameBytes}`;
    }
    if (!this.isSegmented) return undefined;
    const type = this.gsoType & ~gsoTypes.ECN;
    const known = this.gsoType === type ? PLAIN_TYPES : TCP_TYPES;
    if (!known.includes(type)) return `segmentation type 0x${this.gsoType.toString(16)} is not known`;
    if (this.gsoSize === 0) return 'segments of 0 bytes';
    if (!this.needsChecksum) return 'segmentation without checksum offload';
    if (this.headerLength > frameBytes) {
      return `the headers take ${this.headerLength} bytes, the frame has ${frameBytes}`;
    }
    return undefined;
  }

  private u16(offset: number): number {
    const at = this.start + offset;
    return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8);
  }
}
