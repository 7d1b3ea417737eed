import {
  akmSuites,
  capabilities,
  cipherSuites,
  elementIds,
  encodeElements,
  encodeRates,
  encodeRsn,
  formatMac,
  MAX_SUPPORTED_RATES,
  type Element,
  type SupportedRate,
} from '@v3vee/wire';
import { DSSS_RATES, ratesOf } from '../air';
import { AccessPointCounters, type ApDropReason } from './counters';
import { pairwiseMasterKey } from './crypto/keys';
import { GroupKeys } from './handshake/group-keys';
import { type ApSettings } from './options';
import { type Station } from './station';

/** WPA2-PSK of a BSS. */
export interface Security {
  pmk: Uint8Array;
  /** The RSN element with its header. */
  rsnElement: Uint8Array;
  groupKeys: GroupKeys;
}

/** Of OFDM, what every station must be able to use: the mandatory rates (IEEE 802.11-2020 §17.2.3.4). */
const BASIC_OFDM: readonly number[] = [60, 120, 240];
const RSN = encodeRsn({
  version: 1,
  group: cipherSuites.CCMP,
  pairwise: [cipherSuites.CCMP],
  akm: [akmSuites.PSK],
  capabilities: 0,
});

/** What the parts of an access point share: who is there, what is counted, what is announced. */
export class Bss {
  /** By MAC address. */
  readonly stations = new Map<string, Station>();
  readonly counters = new AccessPointCounters();
  readonly bssid: string;
  readonly rates: readonly SupportedRate[];
  /** Undefined: open. */
  readonly security: Security | undefined;
  readonly #started: number;
  #sequence = 0;

  constructor(readonly settings: ApSettings) {
    const { bssid, freq, passphrase, ssid, random, clock } = settings;
    this.bssid = formatMac(bssid);
    this.#started = clock.now();
    const is2GHz = freq < 3000;
    this.rates = ratesOf(freq).map(rate => ({
      rate,
      basic: is2GHz ? DSSS_RATES.includes(rate) : BASIC_OFDM.includes(rate),
    }));
    if (passphrase === undefined) return;
    this.security = {
      pmk: pairwiseMasterKey(passphrase, ssid),
      rsnElement: encodeElements([{ id: elementIds.RSN, value: RSN }]),
      groupKeys: new GroupKeys(random),
    };
  }

  /** In 100 kbit/s: of everything that all must hear. */
  get lowestRate(): number {
    return Math.min(...this.rates.map(({ rate }) => rate));
  }

  get capabilities(): number {
    const { ESS, PRIVACY, SHORT_PREAMBLE, SHORT_SLOT } = capabilities;
    const is2GHz = this.settings.freq < 3000;
    return ESS | (this.security ? PRIVACY : 0) | (is2GHz ? SHORT_PREAMBLE | SHORT_SLOT : 0);
  }

  /** µs since this access point was made (TSF). */
  get timestamp(): bigint {
    return BigInt(Math.floor((this.settings.clock.now() - this.#started) * 1000));
  }

  rateElements(): Element[] {
    const elements: Element[] = [
      { id: elementIds.SUPPORTED_RATES, value: encodeRates(this.rates.slice(0, MAX_SUPPORTED_RATES)) },
    ];
    const others = this.rates.slice(MAX_SUPPORTED_RATES);
    if (others.length > 0) elements.push({ id: elementIds.EXTENDED_RATES, value: encodeRates(others) });
    return elements;
  }

  /** Of beacons and probe responses, in the standard's order. */
  elements(ssid: Uint8Array, tim?: Uint8Array): Element[] {
    const [rates, ...extended] = this.rateElements() as [Element, ...Element[]];
    const is2GHz = this.settings.freq < 3000;
    return [
      { id: elementIds.SSID, value: ssid },
      rates,
      { id: elementIds.DS_PARAMETER, value: Uint8Array.of(this.settings.channel) },
      ...(tim ? [{ id: elementIds.TIM, value: tim }] : []),
      ...(is2GHz ? [{ id: elementIds.ERP, value: Uint8Array.of(0) }] : []),
      ...extended,
      ...(this.security ? [{ id: elementIds.RSN, value: RSN }] : []),
    ];
  }

  nextSequence(): number {
    this.#sequence = (this.#sequence + 1) & 0xfff;
    return this.#sequence;
  }

  drop(reason: ApDropReason): void {
    this.counters.dropped[reason]++;
  }
}
