/**
 * The rates of this air in 100 kbit/s: DSSS and CCK of 802.11b (2.4 GHz only), OFDM of 802.11a/g (both bands). Those
 * of 802.11n and later are carried as the OFDM rate of the same modulation and coding.
 */
export const DSSS_RATES: readonly number[] = [10, 20, 55, 110];
export const OFDM_RATES: readonly number[] = [60, 90, 120, 180, 240, 360, 480, 540];
const RATES_2_4_GHZ: readonly number[] = [...DSSS_RATES, ...OFDM_RATES];
const MANDATORY_OFDM = [240, 120, 60] as const;

export const is2GHz = (freq: number): boolean => freq < 3000;
export const isDsss = (rate: number): boolean => DSSS_RATES.includes(rate);

/** Of a band, ascending by index as Linux' drivers number them. */
export const ratesOf = (freq: number): readonly number[] => (is2GHz(freq) ? RATES_2_4_GHZ : OFDM_RATES);

/** What every station of a band can receive. */
export const basicRate = (freq: number): number => (is2GHz(freq) ? 10 : 60);

/** A rate of the band: the highest that is not above; the lowest when all are. */
export function legacyRate(rate: number, freq: number): number {
  const rates = ratesOf(freq);
  if (rates.includes(rate)) return rate;
  const below = rates.filter(candidate => candidate <= rate);
  return below.length > 0 ? Math.max(...below) : basicRate(freq);
}

/**
 * Of an acknowledgement: the highest mandatory rate of the same modulation that is not above the frame's
 * (IEEE 802.11-2020 §10.6.6.5.2; all DSSS rates are in our access points' basic set).
 */
export function responseRate(rate: number): number {
  if (isDsss(rate)) return rate;
  return MANDATORY_OFDM.find(mandatory => mandatory <= rate) ?? 60;
}
