import { putU16, u16 } from './big-endian';
import { checksumOf, sumWords } from './internet-checksum';
import { findIpPacket, IPV4_HEADER_BYTES } from './ip-packet';

/** What every link must carry without fragmenting (RFC 791 §3.2). */
export const MIN_IPV4_MTU = 68;
const MORE_FRAGMENTS = 0x2000;
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const COPIED = 0x80;

/**
 * A plain Ethernet frame's IPv4 packet in fragments of at most `mtu` bytes (RFC 791 §3.2), as frames with the same
 * Ethernet header and tags; views into one new buffer. A fragment may be fragmented again. Undefined when the
 * frame carries no IPv4 packet, when it must not be fragmented (DF), or `mtu` is below 68.
 */
export function fragmentIpv4(frame: Uint8Array, mtu: number): Uint8Array[] | undefined {
  const packet = findIpPacket(frame, 0);
  if (packet?.version !== 4 || packet.dontFragment || mtu < MIN_IPV4_MTU) return undefined;
  const { start, payload, end } = packet;
  if (end - start <= mtu) return [frame];
  const field = u16(frame, start + 6);
  // A fragment's length is a multiple of 8 but for the last one's, since offsets count in eights.
  const size = (mtu - (payload - start)) & ~7;
  const count = Math.ceil((end - payload) / size);
  const out = new Uint8Array(count * payload + (end - payload));
  const fragments: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const from = payload + i * size;
    const to = Math.min(from + size, end);
    const at = i * (payload + size);
    const fragment = out.subarray(at, at + payload + to - from);
    fragment.set(frame.subarray(0, payload));
    fragment.set(frame.subarray(from, to), payload);
    putU16(fragment, start + 2, fragment.length - start);
    const more = i < count - 1 ? MORE_FRAGMENTS : 0;
    // The flags of a fragment that is fragmented again stay, and its offset counts on.
    putU16(fragment, start + 6, (field | more) + (i * size) / 8);
    if (i > 0) blankOptions(fragment, start + IPV4_HEADER_BYTES, payload);
    putU16(fragment, start + 10, 0);
    putU16(fragment, start + 10, checksumOf(sumWords(fragment, start, payload)));
    fragments.push(fragment);
  }
  return fragments;
}

/** Options without the copied flag stand in the first fragment only; the others' are overwritten, not taken out. */
function blankOptions(fragment: Uint8Array, from: number, to: number): void {
  for (let at = from; at < to;) {
    const option = fragment[at] as number;
    if (option === END_OF_OPTIONS) return;
    const length = option === NO_OPERATION ? 1 : (fragment[at + 1] as number);
    // Not an option list: leave it to the receiver to refuse.
    if (length < 1 || at + length > to || (length < 2 && option !== NO_OPERATION)) return;
    if (!(option & COPIED)) fragment.fill(NO_OPERATION, at, at + length);
    at += length;
  }
}
