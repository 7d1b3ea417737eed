/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), little endian. A file is: one section header, one description
 * for each interface, packets, and statistics of each interface at its end.
 */

export const pcapngBlocks = {
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE_DESCRIPTION: 1,
  INTERFACE_STATISTICS: 5,
  ENHANCED_PACKET: 6,
} as const;
export const PCAPNG_MAGIC = 0x1a2b3c4d;
/** LINKTYPE_ETHERNET; see also `RADIOTAP_LINK_TYPE`. */
export const ETHERNET_LINK_TYPE = 1;
/** Block type, total length, and that length once more at the end. */
const BLOCK_BYTES = 12;
const PACKET_HEADER_BYTES = 20;
/** epb_flags: option header, value, end of options. */
const PACKET_OPTIONS_BYTES = 12;

/** epb_flags, bits 0 and 1. */
export const packetDirections = { in: 1, out: 2 } as const;
export type PacketDirection = keyof typeof packetDirections;

type Option = readonly [code: number, value: Uint8Array];
const END_OF_OPTIONS: Option = [0, new Uint8Array(0)];
const COMMENT = 1;

export function sectionHeader(info: { application: string; comment?: string }): Uint8Array {
  const head = new Uint8Array(16);
  const view = new DataView(head.buffer);
  view.setUint32(0, PCAPNG_MAGIC, true);
  view.setUint16(4, 1, true);
  // The section's length is not known beforehand.
  view.setBigInt64(8, -1n, true);
  return block(pcapngBlocks.SECTION_HEADER, head, [...comment(info.comment), [4, utf8(info.application)]]);
}

export interface CapturedInterface {
  name: string;
  /** What its packets begin with; default: Ethernet. */
  linkType?: number;
  description?: string;
  /** In the language of pcap-filter(7). */
  filter?: string;
  /** Bytes kept of each packet; 0: all. */
  snapLength: number;
}

/** An interface whose times are in nanoseconds. */
export function interfaceDescription({
  name,
  linkType = ETHERNET_LINK_TYPE,
  description,
  filter,
  snapLength,
}: CapturedInterface): Uint8Array {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint16(0, linkType, true);
  view.setUint32(4, snapLength, true);
  const options: Option[] = [[2, utf8(name)]];
  if (description) options.push([3, utf8(description)]);
  // if_tsresol: ten to the power of minus nine.
  options.push([9, Uint8Array.of(9)]);
  // if_filter: 0 says that a filter expression follows.
  if (filter) options.push([11, Uint8Array.of(0, ...utf8(filter))]);
  return block(pcapngBlocks.INTERFACE_DESCRIPTION, head, options);
}

export interface CapturedPacket {
  interfaceId: number;
  /** Nanoseconds since 1970. */
  time: bigint;
  direction: PacketDirection;
  /** Bytes that it had; `bytes` may be fewer. */
  length: number;
  bytes: Uint8Array;
}

export function enhancedPacket({ interfaceId, time, direction, length, bytes }: CapturedPacket): Uint8Array {
  const padded = (bytes.length + 3) & ~3;
  const total = BLOCK_BYTES + PACKET_HEADER_BYTES + padded + PACKET_OPTIONS_BYTES;
  // Packets are many: one allocation each.
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  view.setUint32(0, pcapngBlocks.ENHANCED_PACKET, true);
  view.setUint32(4, total, true);
  view.setUint32(8, interfaceId, true);
  view.setUint32(12, Number(time >> 32n), true);
  view.setUint32(16, Number(time & 0xffff_ffffn), true);
  view.setUint32(20, bytes.length, true);
  view.setUint32(24, length, true);
  out.set(bytes, 28);
  const options = 28 + padded;
  view.setUint16(options, 2, true);
  view.setUint16(options + 2, 4, true);
  view.setUint32(options + 4, packetDirections[direction], true);
  view.setUint32(total - 4, total, true);
  return out;
}

export interface CaptureStatistics {
  interfaceId: number;
  /** Of the statistics, nanoseconds since 1970. */
  time: bigint;
  started?: bigint;
  ended?: bigint;
  /** Packets that the filter accepted. */
  accepted: number;
  /** Of these, dropped where they were captured. */
  dropped: number;
  /** Of these, dropped on their way to the reader. */
  droppedOnTheWay: number;
  /** Of these, in the file. */
  delivered: number;
  comment?: string;
}

export function interfaceStatistics(statistics: CaptureStatistics): Uint8Array {
  const { interfaceId, time, started, ended, accepted, dropped, droppedOnTheWay, delivered } = statistics;
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setUint32(0, interfaceId, true);
  head.set(timestamp(time), 4);
  const options: Option[] = comment(statistics.comment);
  if (started !== undefined) options.push([2, timestamp(started)]);
  if (ended !== undefined) options.push([3, timestamp(ended)]);
  options.push([5, u64(dropped)], [6, u64(accepted)], [7, u64(droppedOnTheWay)], [8, u64(delivered)]);
  return block(pcapngBlocks.INTERFACE_STATISTICS, head, options);
}

function block(type: number, head: Uint8Array, options: readonly Option[]): Uint8Array {
  const all = options.length > 0 ? [...options, END_OF_OPTIONS] : [];
  const optionBytes = all.reduce((sum, [, value]) => sum + 4 + ((value.length + 3) & ~3), 0);
  const total = BLOCK_BYTES + head.length + optionBytes;
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, total, true);
  out.set(head, 8);
  let at = 8 + head.length;
  for (const [code, value] of all) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    out.set(value, at + 4);
    at += 4 + ((value.length + 3) & ~3);
  }
  view.setUint32(total - 4, total, true);
  return out;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const comment = (text: string | undefined): Option[] => (text ? [[COMMENT, utf8(text)]] : []);

/** The upper 32 bits come first. */
function timestamp(time: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Number(time >> 32n), true);
  view.setUint32(4, Number(time & 0xffff_ffffn), true);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}
