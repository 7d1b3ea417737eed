import { crc32 } from 'node:zlib';
import { FCS_LENGTH } from './line';

/** The frame check sequence (IEEE 802.3, 3.2.9) as a number whose lowest byte is sent first. */
export const frameCheckSequence = (frame: Uint8Array): number => crc32(frame) >>> 0;

/** The frame with its check sequence behind it, as cards store what they receive. */
export function withFcs(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(frame.length + FCS_LENGTH);
  whole.set(frame);
  new DataView(whole.buffer).setUint32(frame.length, frameCheckSequence(frame), true);
  return whole;
}

/** Whether the last four bytes are the check sequence of those before them. */
export function endsWithFcs(bytes: Uint8Array): boolean {
  if (bytes.length < FCS_LENGTH) return false;
  const end = bytes.length - FCS_LENGTH;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return view.getUint32(end, true) === frameCheckSequence(bytes.subarray(0, end));
}
