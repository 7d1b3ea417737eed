import { is2GHz, isDsss, responseRate } from './rates';

/**
 * How long things take on the air, in µs.
 *
 * - 5 GHz: OFDM, IEEE 802.11-2020 table 17-21: slot 9, SIFS 16, CWmin 15, CWmax 1023.
 * - 2.4 GHz: ERP, §18.4.5: SIFS 10, the short slot of 9, CWmin 15, for DSSS frames too: no station here is 802.11b
 *   only, hence no protection either. DSSS frames have the long preamble.
 * - One access category (DCF): DIFS for all, no EDCA, no aggregation, no RTS/CTS.
 */
const SLOT = 9;
const CW_MIN = 15;
const CW_MAX = 1023;
/** Preamble of 16 µs and SIGNAL of 4 µs, table 17-5. */
const OFDM_PREAMBLE = 20;
const OFDM_SYMBOL = 4;
/** SERVICE and tail, §17.3.2. */
const OFDM_EXTRA_BITS = 16 + 6;
/** Silence behind an OFDM frame of 2.4 GHz, so that DSSS' SIFS is enough for the decoder (§18.3.2.4). */
const SIGNAL_EXTENSION = 6;
/** Preamble of 144 µs and header of 48 µs, §16.2.2.2. */
const DSSS_LONG_PREAMBLE = 192;
export const FCS_BYTES = 4;
const ACK_BYTES = 14;

export const slotTime = SLOT;

export const sifs = (freq: number): number => (is2GHz(freq) ? 10 : 16);

export const difs = (freq: number): number => sifs(freq) + 2 * SLOT;

/** @param bytes with FCS */
export function frameTime(rate: number, bytes: number, freq: number): number {
  if (isDsss(rate)) return DSSS_LONG_PREAMBLE + Math.ceil((bytes * 80) / rate);
  const bitsPerSymbol = (rate / 10) * OFDM_SYMBOL;
  const symbols = Math.ceil((bytes * 8 + OFDM_EXTRA_BITS) / bitsPerSymbol);
  return OFDM_PREAMBLE + symbols * OFDM_SYMBOL + (is2GHz(freq) ? SIGNAL_EXTENSION : 0);
}

/** From the end of a frame to the end of its acknowledgement; as long is waited for one that does not come. */
export const acknowledgementTime = (rate: number, freq: number): number =>
  sifs(freq) + frameTime(responseRate(rate), ACK_BYTES, freq);

/** Slots to draw from are 0 to this, before the attempt of this number (§10.3.3). */
export const contentionWindow = (attempt: number): number =>
  Math.min((CW_MIN + 1) * 2 ** attempt - 1, CW_MAX);

export const ackBytes = ACK_BYTES;
