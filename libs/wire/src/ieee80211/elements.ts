import { WireError } from '../wire-error';
import { readRates, type SupportedRate } from './rates';
import { readRsn, type Rsn } from './rsn';
import { readTim, type Tim } from './tim';

/** IEEE 802.11-2020 table 9-92; those in use. */
export const elementIds = {
  SSID: 0,
  SUPPORTED_RATES: 1,
  DS_PARAMETER: 3,
  TIM: 5,
  COUNTRY: 7,
  CHALLENGE: 16,
  CHANNEL_SWITCH: 37,
  ERP: 42,
  HT_CAPABILITIES: 45,
  RSN: 48,
  EXTENDED_RATES: 50,
  MOBILITY_DOMAIN: 54,
  HT_OPERATION: 61,
  EXTENDED_CAPABILITIES: 127,
  VENDOR: 221,
  EXTENSION: 255,
} as const;

export const MAX_SSID_BYTES = 32;

/** One element: id, length, value (§9.4.2.1). */
export interface Element {
  id: number;
  value: Uint8Array;
}

/** @throws WireError at an element that is cut */
export function* iterateElements(bytes: Uint8Array, start = 0): Generator<Element> {
  for (let at = start; at < bytes.length;) {
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) {
      throw new WireError(`element ${bytes[at]} is cut`, at);
    }
    yield { id: bytes[at] as number, value: bytes.subarray(at + 2, at + 2 + length) };
    at += 2 + length;
  }
}

/** @throws WireError for a value of more than 255 bytes */
export function encodeElements(elements: readonly Element[]): Uint8Array {
  const bytes = new Uint8Array(elements.reduce((sum, { value }) => sum + 2 + value.length, 0));
  let at = 0;
  for (const { id, value } of elements) {
    if (value.length > 255) throw new WireError(`element ${id} has ${value.length} bytes, at most 255`, at);
    bytes[at] = id;
    bytes[at + 1] = value.length;
    bytes.set(value, at + 2);
    at += 2 + value.length;
  }
  return bytes;
}

/** The elements of a body, the first of each id. Getters throw WireError when theirs is malformed. */
export class Elements {
  private readonly byId = new Map<number, Uint8Array>();

  /** @throws WireError at an element that is cut */
  constructor(bytes: Uint8Array, start = 0) {
    for (const { id, value } of iterateElements(bytes, start))
      if (!this.byId.has(id)) this.byId.set(id, value);
  }

  get(id: number): Uint8Array | undefined {
    return this.byId.get(id);
  }

  /** Empty: the wildcard of a probe request, or a hidden one. */
  get ssid(): Uint8Array | undefined {
    const value = this.get(elementIds.SSID);
    if (value && value.length > MAX_SSID_BYTES) {
      throw new WireError(`an SSID has at most ${MAX_SSID_BYTES} bytes, not ${value.length}`, 0);
    }
    return value;
  }

  /** Of both elements of rates. */
  get rates(): SupportedRate[] {
    return [elementIds.SUPPORTED_RATES, elementIds.EXTENDED_RATES].flatMap(id =>
      readRates(this.get(id) ?? NONE),
    );
  }

  /** Of the DS parameter set. */
  get channel(): number | undefined {
    const value = this.get(elementIds.DS_PARAMETER);
    if (value && value.length !== 1) throw new WireError(`a DS parameter set of ${value.length} bytes`, 0);
    return value?.[0];
  }

  get tim(): Tim | undefined {
    const value = this.get(elementIds.TIM);
    return value && readTim(value);
  }

  get rsn(): Rsn | undefined {
    const value = this.get(elementIds.RSN);
    return value && readRsn(value);
  }

  get channelSwitch(): ChannelSwitch | undefined {
    const value = this.get(elementIds.CHANNEL_SWITCH);
    return value && readChannelSwitch(value);
  }
}

/** Channel switch announcement (§9.4.2.18). */
export interface ChannelSwitch {
  /** Whether stations must not send until the switch. */
  silent: boolean;
  channel: number;
  /** Beacons until the switch; 0: at any time. */
  count: number;
}

export function readChannelSwitch(value: Uint8Array): ChannelSwitch {
  if (value.length !== 3) throw new WireError(`a channel switch of ${value.length} bytes, not 3`, 0);
  const [mode, channel, count] = value as unknown as [number, number, number];
  return { silent: mode === 1, channel, count };
}

export function encodeChannelSwitch({ silent, channel, count }: ChannelSwitch): Uint8Array {
  return Uint8Array.of(silent ? 1 : 0, channel, count);
}

const NONE = new Uint8Array(0);
