import {
  PCAPNG_MAGIC,
  packetDirections,
  pcapngBlocks,
  type CapturedInterface,
  type CapturedPacket,
  type CaptureStatistics,
} from './pcapng';
import { WireError } from './wire-error';

/** One block, as it stands in the file. */
export interface PcapngBlock {
  type: number;
  bytes: Uint8Array;
}

/** No block of ours is longer; another's would only fill the memory. */
const MAX_BLOCK_BYTES = 1 << 20;
const MIN_BLOCK_BYTES = 12;

/** Cuts a stream of pcapng, in whatever pieces it comes, into its blocks. Little endian only, as our writer. */
export class PcapngSplitter {
  #rest = new Uint8Array(0);
  #offset = 0;

  /**
   * @returns the blocks that are complete now
   * @throws WireError with the offset in the stream where it is none
   */
  push(chunk: Uint8Array): PcapngBlock[] {
    let bytes: Uint8Array = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    const blocks: PcapngBlock[] = [];
    let at = 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    while (at + MIN_BLOCK_BYTES <= bytes.length) {
      const type = view.getUint32(at, true);
      const length = view.getUint32(at + 4, true);
      if (type === pcapngBlocks.SECTION_HEADER && view.getUint32(at + 8, true) !== PCAPNG_MAGIC) {
        throw new WireError('no little-endian pcapng section', this.#offset + at);
      }
      if (length < MIN_BLOCK_BYTES || length > MAX_BLOCK_BYTES || length % 4 !== 0) {
        throw new WireError(`a pcapng block of ${length} bytes`, this.#offset + at);
      }
      if (at + length > bytes.length) break;
      if (view.getUint32(at + length - 4, true) !== length) {
        throw new WireError('the lengths of a pcapng block differ', this.#offset + at);
      }
      blocks.push({ type, bytes: bytes.subarray(at, at + length) });
      at += length;
    }
    this.#offset += at;
    this.#rest = bytes.slice(at);
    return blocks;
  }

  /** Bytes of a block that has not come to its end. */
  get incomplete(): number {
    return this.#rest.length;
  }
}

/** @throws WireError when it is no whole interface description block */
export function readInterface({ type, bytes }: PcapngBlock): CapturedInterface & { linkType: number } {
  const view = viewOf(bytes);
  if (type !== pcapngBlocks.INTERFACE_DESCRIPTION || bytes.length < 20)
    throw new WireError('no pcapng interface', 0);
  const filter = option(bytes, 16, 11);
  return {
    name: text(option(bytes, 16, 2)) ?? '',
    linkType: view.getUint16(8, true),
    description: text(option(bytes, 16, 3)),
    // Other kinds of filters than expressions are not known.
    filter: filter?.[0] === 0 ? text(filter.subarray(1)) : undefined,
    snapLength: view.getUint32(12, true),
  };
}

/** @throws WireError when it is no whole enhanced packet block */
export function readPacket({ type, bytes }: PcapngBlock): CapturedPacket {
  const view = viewOf(bytes);
  if (type !== pcapngBlocks.ENHANCED_PACKET || bytes.length < 32) throw new WireError('no pcapng packet', 0);
  const kept = view.getUint32(20, true);
  if (kept > bytes.length - 32) throw new WireError(`${kept} bytes do not fit the pcapng packet`, 20);
  const flags = option(bytes, 28 + ((kept + 3) & ~3), 2);
  const isOut = flags !== undefined && flags.length === 4 && (flags[0]! & 3) === packetDirections.out;
  return {
    interfaceId: view.getUint32(8, true),
    time: timeAt(view, 12),
    direction: isOut ? 'out' : 'in',
    length: view.getUint32(24, true),
    bytes: bytes.subarray(28, 28 + kept),
  };
}

/** What is absent counts as 0. @throws WireError when it is no whole statistics block */
export function readStatistics({ type, bytes }: PcapngBlock): CaptureStatistics {
  const view = viewOf(bytes);
  if (type !== pcapngBlocks.INTERFACE_STATISTICS || bytes.length < 24)
    throw new WireError('no pcapng statistics', 0);
  const value = (code: number) => option(bytes, 20, code);
  const count = (code: number) => {
    const octets = value(code);
    return octets?.length === 8 ? Number(viewOf(octets).getBigUint64(0, true)) : 0;
  };
  const instant = (code: number) => {
    const octets = value(code);
    return octets?.length === 8 ? timeAt(viewOf(octets), 0) : undefined;
  };
  return {
    interfaceId: view.getUint32(8, true),
    time: timeAt(view, 12),
    started: instant(2),
    ended: instant(3),
    dropped: count(5),
    accepted: count(6),
    droppedOnTheWay: count(7),
    delivered: count(8),
    comment: text(value(1)),
  };
}

const text = (octets: Uint8Array | undefined) => octets && new TextDecoder().decode(octets);
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const timeAt = (view: DataView, at: number) =>
  (BigInt(view.getUint32(at, true)) << 32n) | BigInt(view.getUint32(at + 4, true));

/** The value of a block's option; its options start at `at`. */
function option(bytes: Uint8Array, at: number, wanted: number): Uint8Array | undefined {
  const view = viewOf(bytes);
  const end = bytes.length - 4;
  while (at + 4 <= end) {
    const code = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    if (code === 0 || at + 4 + length > end) return undefined;
    if (code === wanted) return bytes.subarray(at + 4, at + 4 + length);
    at += 4 + ((length + 3) & ~3);
  }
  return undefined;
}
