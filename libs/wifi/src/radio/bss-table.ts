import { formatMac, frequencyChannel, readBeacon, type Ieee80211Frame } from '@v3vee/wire';
import type { Reception } from '../antenna';

/** A BSS that the radio has heard. */
export interface Bss {
  bssid: string;
  /** MHz. */
  freq: number;
  channel: number;
  /** Empty: hidden. */
  ssid: string;
  /** Whether data is encrypted. */
  privacy: boolean;
  /** ms between beacons. */
  interval: number;
  /** dBm of what was heard last. */
  signal: number;
  /** When, in ms. */
  heard: number;
  beacon: Reception | undefined;
  probeResponse: Reception | undefined;
  /** When a beacon was last heard or replayed. */
  told: number;
}

const MAX_ENTRIES = 256;
const TU_MS = 1.024;
/** What was not heard for so long is not there any more. */
export const BSS_MAX_AGE_MS = 30_000;

export class BssTable {
  readonly #entries = new Map<string, Bss>();

  /** Takes in a beacon or probe response; what is malformed is left. */
  hear(frame: Ieee80211Frame, reception: Reception, now: number): Bss | undefined {
    if (!frame.isBeacon && !frame.isProbeResponse) return undefined;
    const read = attempt(() => {
      const { interval, capabilities, elements } = readBeacon(frame.body);
      return {
        interval,
        privacy: (capabilities & 0x10) !== 0,
        ssid: elements.ssid,
        channel: elements.channel,
      };
    });
    if (!read) return undefined;
    const bssid = formatMac(frame.bssid);
    const key = `${bssid} ${reception.freq}`;
    const old = this.#entries.get(key);
    const ssid = text(read.ssid);
    const kept = { ...reception, frame: reception.frame.slice() };
    const bss: Bss = {
      bssid,
      freq: reception.freq,
      channel: frequencyChannel(reception.freq) ?? 0,
      // A hidden one tells it in answers only.
      ssid: ssid || (old?.ssid ?? ''),
      privacy: read.privacy,
      interval: Math.max(1, read.interval) * TU_MS,
      signal: reception.signal,
      heard: now,
      beacon: frame.isBeacon ? kept : old?.beacon,
      probeResponse: frame.isProbeResponse ? kept : old?.probeResponse,
      told: frame.isBeacon ? now : (old?.told ?? now),
    };
    this.#entries.delete(key);
    this.#entries.set(key, bss);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES) this.#entries.delete(oldest as string);
    return bss;
  }

  find(bssid: string, freq: number): Bss | undefined {
    return this.#entries.get(`${bssid} ${freq}`);
  }

  /** Those of a channel that were not heard in a whole survey are gone. */
  prune(freq: number, since: number): void {
    for (const [key, bss] of this.#entries) {
      if (bss.freq === freq && bss.heard < since) this.#entries.delete(key);
    }
  }

  /** Heard lately. */
  list(now: number): Bss[] {
    return [...this.#entries.values()].filter(({ heard }) => now - heard < BSS_MAX_AGE_MS);
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A hidden SSID has no bytes, or zeros. */
function text(ssid: Uint8Array | undefined): string {
  return ssid?.some(octet => octet !== 0) ? Buffer.from(ssid).toString('utf8') : '';
}
