import { WireError } from '../wire-error';

/** A rate of the BSS. */
export interface SupportedRate {
  /** In 100 kbit/s; multiples of 5. */
  rate: number;
  /** Every station of the BSS must be able to use it. */
  basic: boolean;
}

const BASIC = 0x80;
/** Behind this, octets of the rates' elements are no rates but selectors (§9.4.2.3): HT PHY 127, SAE H2E 123. */
const FIRST_SELECTOR = 122;
/** What element 1 can hold; the others go into element 50 (§9.4.2.3, §9.4.2.13). */
export const MAX_SUPPORTED_RATES = 8;

/** Octets of the elements "supported rates" and "extended supported rates"; selectors are left out. */
export function readRates(value: Uint8Array): SupportedRate[] {
  const rates: SupportedRate[] = [];
  for (const octet of value) {
    const units = octet & ~BASIC;
    if (units > 0 && units < FIRST_SELECTOR) rates.push({ rate: units * 5, basic: (octet & BASIC) !== 0 });
  }
  return rates;
}

/** @throws WireError for a rate that has no octet */
export function encodeRates(rates: readonly SupportedRate[]): Uint8Array {
  return Uint8Array.from(rates, ({ rate, basic }) => {
    const units = rate / 5;
    if (!Number.isInteger(units) || units < 1 || units >= FIRST_SELECTOR) {
      throw new WireError(`a rate is 5 to 605 in steps of 5 (100 kbit/s), not ${rate}`, 0);
    }
    return units | (basic ? BASIC : 0);
  });
}
