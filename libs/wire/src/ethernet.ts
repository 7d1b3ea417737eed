import { isGroupMac, MAC_BYTES } from './mac-address';
import { WireError } from './wire-error';

/** Byte ranges of an Ethernet II header (IEEE 802.3 §3.1.1), from the frame's first octet. */
export const ethernetFields = {
  destination: { start: 0, end: 6 },
  source: { start: 6, end: 12 },
  etherType: { start: 12, end: 14 },
} as const;
export const ETHERNET_HEADER_BYTES = 14;
/** 64 KiB of payload behind the header and one 802.1Q tag: what segmentation offload can hand over at most. */
export const MAX_ETHERNET_BYTES = ETHERNET_HEADER_BYTES + 4 + 65_536;

/** A checked view of an Ethernet frame that starts at `start` of `bytes` and reaches to their end. Nothing is copied. */
export class EthernetView {
  /** @throws WireError when there is no whole header */
  constructor(
    readonly bytes: Uint8Array,
    readonly start = 0,
  ) {
    if (bytes.length - start < ETHERNET_HEADER_BYTES) {
      throw new WireError(
        `an Ethernet header takes ${ETHERNET_HEADER_BYTES} bytes, there are ${Math.max(bytes.length - start, 0)}`,
        start,
      );
    }
  }

  get destination(): Uint8Array {
    return this.bytes.subarray(this.start, this.start + MAC_BYTES);
  }

  get source(): Uint8Array {
    const { start, end } = ethernetFields.source;
    return this.bytes.subarray(this.start + start, this.start + end);
  }

  /** As it stands behind the addresses: 0x8100 where an 802.1Q tag follows. */
  get etherType(): number {
    const at = this.start + ethernetFields.etherType.start;
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.start + ETHERNET_HEADER_BYTES);
  }

  /** For everybody or for a group, not for one station. */
  get isGroup(): boolean {
    return isGroupMac(this.bytes, this.start);
  }
}
