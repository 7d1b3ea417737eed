import { V3Error } from '@v3vee/contracts';
import { channelFrequency, isGroupMac, MAX_AID, MAX_SSID_BYTES, parseMac } from '@v3vee/wire';
import { randomBytes } from 'node:crypto';
import { type AirAccess } from '../antenna';
import { type Clock } from '../clock';
import { type AccessPointEvent } from './events';

/** The wired side of an access point. */
export interface Distribution {
  /** An Ethernet frame of a station for somebody beyond the access point. */
  send(frame: Uint8Array): void;
}

export interface AccessPointOptions {
  /** `ap/home`. */
  id: string;
  ssid: string;
  bssid: string;
  channel: number;
  /** 8 to 63 ASCII characters, or 64 hexadecimal digits: WPA2-PSK with CCMP. Without it the network is open. */
  passphrase?: string;
  /** dBm. */
  txPower: number;
  /** TU of 1.024 ms between two beacons; default 100. */
  beaconInterval?: number;
  /** Beacons from one DTIM to the next; default 2. */
  dtimPeriod?: number;
  /** Beacons without SSID; probes get no answer unless they name it. */
  hidden?: boolean;
  /** Stations do not reach one another. */
  isolation?: boolean;
  /** Default 128. */
  maxStations?: number;
  /** Frames that wait for one station, awake or asleep; default 128. The oldest is dropped for one more. */
  queueFrames?: number;
  /** ms without a frame after which a station is asked whether it is there; default 300 000. */
  inactivityTimeout?: number;
  /** ms between two group keys; 0: only when a station leaves. Default 3 600 000. */
  groupKeyInterval?: number;
  /** Default true: who left cannot read group frames any more. */
  groupKeyOnLeave?: boolean;
  clock: Clock;
  air: AirAccess;
  distribution: Distribution;
  /** Of nonces and keys; default: the system's. */
  random?: (bytes: number) => Uint8Array;
  onEvent?: (event: AccessPointEvent) => void;
}

/** As they are used: checked, defaults put in. */
export type ApSettings = Required<Omit<AccessPointOptions, 'passphrase' | 'ssid' | 'bssid' | 'channel'>> & {
  ssid: Uint8Array;
  bssid: Uint8Array;
  channel: number;
  /** MHz. */
  freq: number;
  passphrase: string | undefined;
};

/** @throws V3Error INVALID_REQUEST naming the option */
export function checkedOptions(options: AccessPointOptions): ApSettings {
  const ssid = Buffer.from(options.ssid, 'utf8');
  const settings: ApSettings = {
    beaconInterval: 100,
    dtimPeriod: 2,
    hidden: false,
    isolation: false,
    maxStations: 128,
    queueFrames: 128,
    inactivityTimeout: 300_000,
    groupKeyInterval: 3_600_000,
    groupKeyOnLeave: true,
    random: randomBytes,
    onEvent: () => undefined,
    ...withoutUndefined(options),
    passphrase: options.passphrase,
    ssid,
    bssid: wire('bssid', () => parseMac(options.bssid)),
    freq: wire('channel', () => channelFrequency(options.channel)),
  };
  if (ssid.length < 1 || ssid.length > MAX_SSID_BYTES) {
    throw invalid('ssid', `has 1 to ${MAX_SSID_BYTES} bytes, not ${ssid.length}`);
  }
  if (isGroupMac(settings.bssid))
    throw invalid('bssid', `${options.bssid} is a group address, not one station's`);
  if (settings.channel === 14) throw invalid('channel', '14 has no OFDM; use 1 to 13 or one of 5 GHz');
  const { passphrase } = options;
  if (passphrase !== undefined && !/^([\x20-\x7e]{8,63}|[0-9a-fA-F]{64})$/.test(passphrase)) {
    throw invalid('passphrase', 'is 8 to 63 ASCII characters or 64 hexadecimal digits');
  }
  inRange(settings, 'txPower', -50, 50, false);
  inRange(settings, 'beaconInterval', 10, 10_000);
  inRange(settings, 'dtimPeriod', 1, 255);
  inRange(settings, 'maxStations', 1, MAX_AID);
  inRange(settings, 'queueFrames', 1, 10_000);
  inRange(settings, 'inactivityTimeout', 1_000, 1e9);
  inRange(settings, 'groupKeyInterval', 0, 1e9);
  return settings;
}

type NumericOption = {
  [K in keyof ApSettings]: ApSettings[K] extends number ? K : never;
}[keyof ApSettings];

function inRange(settings: ApSettings, name: NumericOption, min: number, max: number, whole = true): void {
  const value = settings[name];
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return;
  throw invalid(name, `is ${whole ? 'a whole number ' : ''}from ${min} to ${max}, not ${value}`);
}

function wire<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw invalid(name, (thrown as Error).message);
  }
}

function invalid(name: string, what: string): V3Error {
  const message = `${name} ${what}`;
  return new V3Error('INVALID_REQUEST', `access point: ${message}`, { fields: [{ path: name, message }] });
}

/** What is left out by `undefined` must not take a default's place. */
function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
