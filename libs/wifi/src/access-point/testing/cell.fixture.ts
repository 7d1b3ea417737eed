import { channelFrequency, llcSnap, parseMac } from '@v3vee/wire';
import { Air } from '../../air';
import { TurnedClock } from '../../air/testing/turned-clock';
import { AccessPoint } from '../access-point';
import { type AccessPointEvent } from '../events';
import { type AccessPointOptions } from '../options';
import { ScriptedStation, type StationOptions } from './station.fixture';

export const BSSID = '02:00:00:00:aa:01';
export const PASSPHRASE = 'correct horse battery';
export const WIRED = parseMac('02:00:00:00:ee:01');
export const BROADCAST = new Uint8Array(6).fill(255);

/** An access point on an air of its own, and what its wired side was sent. Everything is repeatable. */
export class Cell {
  readonly clock = new TurnedClock();
  readonly air: Air;
  readonly ap: AccessPoint;
  readonly channel: number;
  readonly wired: Uint8Array[] = [];
  readonly events: AccessPointEvent[] = [];
  #stations = 0;
  #random = 1;

  constructor(options: Partial<AccessPointOptions> = {}) {
    this.air = new Air({ clock: this.clock, seed: 1 });
    this.channel = options.channel ?? 36;
    this.ap = new AccessPoint({
      id: 'ap/home',
      ssid: 'home',
      bssid: BSSID,
      channel: this.channel,
      txPower: 20,
      clock: this.clock,
      air: this.air,
      distribution: { send: frame => this.wired.push(frame) },
      random: bytes => this.random(bytes),
      onEvent: event => this.events.push(event),
      ...options,
    });
    this.air.join(this.ap);
    this.ap.start();
  }

  /** Not secret, never the same twice. */
  random(bytes: number): Uint8Array {
    return Uint8Array.from({ length: bytes }, () => {
      this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
      return this.#random >>> 24;
    });
  }

  /** Wherever it is, it hears and is heard well. */
  station(options: Partial<StationOptions> = {}): ScriptedStation {
    const number = ++this.#stations;
    const mac = `02:00:00:00:${octet(number >> 8)}:${octet(number & 255)}`;
    const freq = channelFrequency(this.channel);
    return new ScriptedStation({ mac, air: this.air, bssid: BSSID, ssid: 'home', freq, ...options });
  }

  /** A station that is authorized. */
  member(options: Partial<StationOptions> = {}): ScriptedStation {
    const station = this.station(options);
    station.connect();
    this.clock.turn(50);
    const info = this.info(station);
    if (info?.state !== 'authorized') throw new Error(`${station.id} is ${info?.state ?? 'unknown'}`);
    return station;
  }

  info(station: ScriptedStation) {
    return this.ap.stations().find(({ mac }) => mac === station.options.mac);
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** Frames of the wired side that stations sent, without what the access point says for them. */
  get arrived(): Uint8Array[] {
    return this.wired.filter(frame => (frame[12] as number) >= 6);
  }
}

/** Behind LLC/SNAP, as IPv4. */
export const payload = (number: number, bytes = 100): Uint8Array =>
  llcSnap(
    0x0800,
    Uint8Array.from({ length: bytes }, (_, i) => (i < 2 ? number >> (8 * i) : i)),
  );

export const numberOf = (msdu: Uint8Array): number => (msdu[8] as number) + 256 * (msdu[9] as number);

/** The Ethernet frame that carries the same as `payload`. */
export function ethernet(
  destination: Uint8Array,
  source: Uint8Array,
  number: number,
  bytes = 100,
): Uint8Array {
  return Uint8Array.from([...destination, ...source, ...payload(number, bytes).subarray(6)]);
}

function octet(value: number): string {
  return value.toString(16).padStart(2, '0');
}
