import { SUPER_FRAME_ETHERNET, VirtioNetHeader } from '@v3vee/wire';

/** A frame shorter than this is padded; without the check sequence (IEEE 802.3 §3.2.8). */
const MIN_FRAME = 60;
/** Check sequence 4, preamble and delimiter 8, gap 12. */
const OVERHEAD = 24;

/**
 * The time that a super-frame takes on an Ethernet, in bytes: each of its segments with its own headers, padding,
 * check sequence, preamble and gap.
 */
export function wireBytes(frame: Uint8Array, segments: number): number {
  const ethernet = frame.length - SUPER_FRAME_ETHERNET;
  if (segments === 1) return Math.max(ethernet, MIN_FRAME) + OVERHEAD;
  // Not `headerLength`: Linux counts there whatever it has in the first buffer.
  const tcp = new VirtioNetHeader(frame).checksumStart;
  const headers = tcp + ((frame[SUPER_FRAME_ETHERNET + tcp + 12] ?? 0) >> 4) * 4;
  return ethernet + (segments - 1) * headers + segments * OVERHEAD;
}
