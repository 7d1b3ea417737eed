/**
 * SNR in dB over 20 MHz at which one of ten frames of 1000 bytes is lost, by rate in 100 kbit/s. OFDM: the receiver
 * sensitivity that IEEE 802.11-2020 table 17-18 asks for (−82 to −65 dBm), less its noise floor (−101 dBm thermal,
 * noise figure 10 dB) and the 5 dB of implementation margin. DSSS and CCK: by their spreading below 6 Mbit/s and in
 * the order that receivers' data sheets show.
 */
const THRESHOLDS: Readonly<Record<number, number>> = {
  10: 0,
  20: 2,
  55: 4,
  110: 7,
  60: 4,
  90: 5,
  120: 7,
  180: 9,
  240: 12,
  360: 16,
  480: 20,
  540: 21,
};
/** Errors per bit at the threshold: 1 − 0.9^(1/8000). */
const ERRORS_AT_THRESHOLD = 1.317e-5;
/** Behind the convolutional decoder the errors fall to a tenth with so many dB more: the curve's steep part. */
const DB_PER_DECADE = 1;
/** Nothing is made out of worse: a coin would guess half of the bits. */
const MOST_ERRORS = 0.5;

/**
 * The share of frames that are lost at this SNR: 1 − (1 − e)^bits with e = 1.317·10⁻⁵ · 10^(threshold − SNR), e ≤ ½.
 * @param rate in 100 kbit/s
 * @param bytes with FCS
 */
export function frameLoss(rate: number, snr: number, bytes: number): number {
  const above = snr - (THRESHOLDS[rate] ?? THRESHOLDS[540]!);
  const errors = Math.min(MOST_ERRORS, ERRORS_AT_THRESHOLD * 10 ** (-above / DB_PER_DECADE));
  // log1p and expm1 keep the digits of small probabilities.
  return -Math.expm1(bytes * 8 * Math.log1p(-errors));
}
