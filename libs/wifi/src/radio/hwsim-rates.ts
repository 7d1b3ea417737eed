import { hwsimRateFlags, type HwsimRate } from '@v3vee/wire';
import { basicRate, legacyRate, ratesOf } from '../air';
import type { RateTry } from '../antenna';

/** By MCS: the OFDM rate of the same modulation and coding, 64-QAM 5/6 and 256-QAM as 64-QAM 3/4. */
const MCS_RATES: readonly number[] = [60, 120, 180, 240, 360, 480, 540, 540, 540, 540];

/** mac80211's rate table as rates of the air. */
export function toAir(rates: readonly HwsimRate[], freq: number): RateTry[] {
  return rates.map(rate => ({ rate: rateOf(rate, freq), tries: rate.count }));
}

function rateOf({ index, flags = 0 }: HwsimRate, freq: number): number {
  // Of VHT the lower four bits are the MCS, of HT eight follow another for each spatial stream.
  const mcs =
    flags & hwsimRateFlags.VHT_MCS ? index & 15 : flags & hwsimRateFlags.MCS ? index & 7 : undefined;
  if (mcs !== undefined) return MCS_RATES[mcs] ?? 540;
  return ratesOf(freq)[index] ?? basicRate(freq);
}

/** Index in the band's legacy rates. */
export const toIndex = (rate: number, freq: number): number => ratesOf(freq).indexOf(legacyRate(rate, freq));

/** What of a rate table was used in so many attempts; of none, one at the first, as the driver wants an answer. */
export function usedRates(rates: readonly HwsimRate[], tries: number): HwsimRate[] {
  const used: HwsimRate[] = [];
  let left = Math.max(1, tries);
  for (const { index, count } of rates) {
    if (left === 0) break;
    const made = Math.min(left, tries === 0 ? 1 : count);
    if (made > 0) used.push({ index, count: made });
    left -= made;
  }
  return used.length > 0 ? used : [{ index: rates[0]?.index ?? 0, count: 1 }];
}
