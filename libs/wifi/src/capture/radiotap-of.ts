import { encodeRadiotap, radiotapTxFlags, type Ieee80211Frame } from '@v3vee/wire';
import { acknowledgementTime, FCS_BYTES, frameTime, needsAck, type Sniffed } from '../air';

/**
 * The radiotap header of a frame at an antenna, which is the `index`th of its capture: of one that it sent with what it
 * knows of that, of one that it heard with what it heard it with.
 */
export function radiotapOf(sniffed: Sniffed, frame: Ieee80211Frame, at: string, index: number): Uint8Array {
  const { rate, freq, signal, noise, tries, acked, from } = sniffed;
  const timestamp = begin(sniffed, frame);
  const always = { timestamp, flags: 0, rate, freq, antenna: index };
  if (from !== at) return encodeRadiotap({ ...always, signal, noise });
  const { FAILED, NO_ACK } = radiotapTxFlags;
  const txFlags = !needsAck(frame) ? NO_ACK : acked ? 0 : FAILED;
  return encodeRadiotap({ ...always, txPower: signal, txFlags, retries: tries - 1 });
}

/** When the last attempt began: µs of the air's clock, as radiotap's TSFT. */
function begin({ time, rate, freq }: Sniffed, frame: Ieee80211Frame): bigint {
  const duration =
    frameTime(rate, frame.bytes.length + FCS_BYTES, freq) +
    (needsAck(frame) ? acknowledgementTime(rate, freq) : 0);
  return BigInt(Math.max(0, Math.round(time * 1_000 - duration)));
}
