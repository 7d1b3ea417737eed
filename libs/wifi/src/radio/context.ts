import { V3Error } from '@v3vee/contracts';
import { Ieee80211Frame, parseMac } from '@v3vee/wire';
import { stationStates, type StationState } from './station';

/** What of a VM's Wi-Fi travels with it to another radio, or lies in a saved state. JSON. */
export interface RadioContext {
  version: 1;
  stations: StationContext[];
  /** Frames that were not sent, in order. */
  frames: FrameContext[];
}

export interface StationContext {
  address: string;
  /** Radio of the guest's driver, 42:00:00:00:nn:00. */
  radio: string;
  refs: number;
  state: StationState;
  bssid?: string;
  ssid?: string;
  aid?: number;
  /** MHz. */
  freq?: number;
  /** Its own power state. */
  sleeps: boolean;
  /** Its access point was told that it sleeps, and buffers. */
  away: boolean;
  sequence: number;
}

export interface FrameContext {
  radio: string;
  address: string;
  flags: number;
  /** Decimal: 64 bits. */
  cookie: string;
  freq: number;
  rates: { index: number; count: number; flags?: number }[];
  /** Base64. */
  frame: string;
}

const MAX_STATIONS = 64;
const MAX_FRAMES = 4_096;

/** @throws V3Error STATE_INVALID when it is not what a radio wrote */
export function readRadioContext(value: unknown): RadioContext {
  const context = value as RadioContext;
  check(isObject(context) && context.version === 1, 'version 1 is expected');
  check(Array.isArray(context.stations) && context.stations.length <= MAX_STATIONS, 'stations is no list');
  check(Array.isArray(context.frames) && context.frames.length <= MAX_FRAMES, 'frames is no list');
  context.stations.forEach((station, i) => {
    const at = `stations[${i}]`;
    check(isObject(station), `${at} is no object`);
    for (const name of ['address', 'radio'] as const) mac(station[name], `${at}.${name}`);
    if (station.bssid !== undefined) mac(station.bssid, `${at}.bssid`);
    check(stationStates.includes(station.state), `${at}.state is none of ${stationStates.join(', ')}`);
    for (const name of ['aid', 'freq'] as const) {
      if (station[name] !== undefined) natural(station[name], `${at}.${name}`);
    }
    check(station.ssid === undefined || typeof station.ssid === 'string', `${at}.ssid is no text`);
    natural(station.refs, `${at}.refs`);
    natural(station.sequence, `${at}.sequence`);
    check(
      typeof station.sleeps === 'boolean' && typeof station.away === 'boolean',
      `${at} has no power state`,
    );
    check(station.state !== 'associated' || station.bssid !== undefined, `${at} is associated with nothing`);
  });
  context.frames.forEach((frame, i) => checkFrame(frame, `frames[${i}]`));
  return context;
}

function checkFrame(frame: FrameContext, at: string): void {
  check(isObject(frame), `${at} is no object`);
  for (const name of ['address', 'radio'] as const) mac(frame[name], `${at}.${name}`);
  natural(frame.flags, `${at}.flags`);
  natural(frame.freq, `${at}.freq`);
  check(/^\d{1,20}$/.test(String(frame.cookie)), `${at}.cookie is no number`);
  check(Array.isArray(frame.rates) && frame.rates.length <= 4, `${at}.rates is no list of up to 4`);
  for (const rate of frame.rates) {
    check(isObject(rate), `${at}.rates has no objects`);
    natural(rate.index, `${at}.rates`);
    natural(rate.count, `${at}.rates`);
  }
  check(typeof frame.frame === 'string', `${at}.frame is no text`);
  try {
    Ieee80211Frame.read(Buffer.from(frame.frame, 'base64'));
  } catch (error) {
    throw new V3Error('STATE_INVALID', `Wi-Fi state: ${at}.frame is no 802.11 frame`, { cause: error });
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

function natural(value: unknown, at: string): void {
  check(Number.isInteger(value) && (value as number) >= 0, `${at} is no natural number`);
}

function mac(value: unknown, at: string): void {
  try {
    parseMac(String(value));
  } catch (error) {
    throw new V3Error('STATE_INVALID', `Wi-Fi state: ${at} is no MAC address`, { cause: error });
  }
}

function check(holds: boolean, problem: string): void {
  if (!holds) throw new V3Error('STATE_INVALID', `Wi-Fi state: ${problem}`);
}
