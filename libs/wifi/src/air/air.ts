import { frequencyChannel, frameControl, Ieee80211Frame, setFrameControl } from '@v3vee/wire';
import type { AirAccess, Antenna, Transmission, TxStatus } from '../antenna';
import { systemClock, type Clock } from '../clock';
import { AntennaBooks, type Account, type AntennaAccount } from './accounts';
import { needsAck } from './acknowledged';
import { exchange, type Exchange, type Link } from './exchange';
import { Interference } from './interference';
import { frameLoss } from './loss';
import { Medium, type Flight, type Waiting } from './medium';
import { Propagation, type Position, type PropagationOptions } from './propagation';
import { randomSequence } from './random';
import type { Sniffed, Tap } from './tap';
import { FCS_BYTES } from './timing';

export interface AirOptions extends PropagationOptions {
  /** Of all chances. Default 1. */
  seed?: number;
  /** Collisions, and noise from neighbouring channels of 2.4 GHz. Default: none. */
  interference?: boolean;
  clock?: Clock;
}

export interface ChannelAccount {
  /** MHz. */
  freq: number;
  channel: number;
  frames: number;
  /** µs that it was taken since the start. */
  airtime: number;
  /** Of the last second, 0 to 1. */
  busy: number;
}

interface Listener {
  antenna: Antenna;
  /** dBm. */
  signal: number;
}

/** To oneself through the driver: nothing is lost. */
const LOOP_SNR = 70;
const LOOP: Link = { snr: () => LOOP_SNR, snrBack: LOOP_SNR, draw: () => 1 };

/**
 * The space that all antennas share: who hears whom how well ({@link Propagation}), what is lost
 * (`loss.ts`), how long it takes (`timing.ts`), whose turn it is ({@link Medium}).
 *
 * - Unicast frames reach the antenna that acknowledges `addr1`, once, with the Retry bit if it was not the first
 *   attempt; group frames all that listen on the channel; antennas that are promiscuous hear the others too.
 * - An antenna does not hear itself. A frame to an address of its own takes its time and is acknowledged: its driver
 *   hands it over.
 * - Whoever listens when a frame begins receives it, even if it leaves the channel before the end.
 * - The same seed, antennas and frames at the same times have the same fates.
 */
export class Air implements AirAccess {
  readonly #clock: Clock;
  readonly #seed: number;
  readonly #propagation: Propagation;
  readonly #antennas = new Map<string, Antenna>();
  readonly #books = new Map<string, AntennaBooks>();
  readonly #media = new Map<number, Medium>();
  readonly #draws = new Map<string, Map<string, () => number>>();
  readonly #access: () => number;
  readonly #taps = new Set<Tap>();
  #interference: Interference | undefined;

  /** @throws V3Error INVALID_REQUEST for an absurd option */
  constructor(options: AirOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#seed = options.seed ?? 1;
    this.#propagation = new Propagation(options);
    this.#access = randomSequence(this.#seed, 'backoff');
    this.interference = options.interference ?? false;
  }

  get interference(): boolean {
    return this.#interference !== undefined;
  }
  set interference(on: boolean) {
    if (on !== this.interference) this.#interference = on ? new Interference() : undefined;
  }

  get noiseFloor(): number {
    return this.#propagation.noiseFloor;
  }

  get pathLossExponent(): number {
    return this.#propagation.pathLossExponent;
  }
  /** @throws V3Error INVALID_REQUEST */
  set pathLossExponent(exponent: number) {
    this.#propagation.pathLossExponent = exponent;
  }

  get antennas(): string[] {
    return [...this.#antennas.keys()];
  }

  /** @param position metres; one that was set stays */
  join(antenna: Antenna, position?: Position): void {
    this.#antennas.set(antenna.id, antenna);
    if (!this.#books.has(antenna.id)) this.#books.set(antenna.id, new AntennaBooks());
    if (position) this.setPosition(antenna.id, position);
  }

  /** What of it waits is dropped, its books are closed; its place stays known. */
  leave(antenna: Antenna): void {
    if (this.#antennas.get(antenna.id) !== antenna) return;
    this.#antennas.delete(antenna.id);
    for (const medium of this.#media.values()) {
      for (const { done } of medium.remove(antenna)) this.#drop(antenna, done);
    }
    this.#books.delete(antenna.id);
  }

  position(id: string): Position | undefined {
    return this.#propagation.position(id);
  }

  /** @throws V3Error INVALID_REQUEST when it is not two numbers of metres */
  setPosition(id: string, position: Position | undefined): void {
    this.#propagation.setPosition(id, position);
  }

  /**
   * Both ways.
   * @param snr dB; undefined: by position again
   * @throws V3Error INVALID_REQUEST
   */
  setSnr(a: string, b: string, snr: number | undefined): void {
    this.#propagation.setSnr(a, b, snr);
  }

  /** The SNR that was set. */
  fixedSnr(a: string, b: string): number | undefined {
    return this.#propagation.fixedSnr(a, b);
  }

  /** dBm of `from` at `to`; undefined while one of them is not there. */
  signal(from: string, to: string, freq: number): number | undefined {
    const antenna = this.#antennas.get(from);
    return antenna && this.#antennas.has(to) ? this.#propagation.signal(antenna, to, freq) : undefined;
  }

  /**
   * @param at antenna at whose place it is; undefined: sees everything
   * @returns how to take it away
   */
  tap(see: (sniffed: Sniffed) => void, at?: string): () => void {
    const tap = { see, at };
    this.#taps.add(tap);
    return () => void this.#taps.delete(tap);
  }

  account(id: string): AntennaAccount | undefined {
    return this.#books.get(id)?.total;
  }

  /** By transmitter address (addr2). */
  transmitters(id: string): ReadonlyMap<string, Account> {
    return this.#books.get(id)?.transmitters ?? new Map<string, Account>();
  }

  channels(): ChannelAccount[] {
    const now = this.#clock.now();
    return [...this.#media]
      .map(([freq, { frames, airtime, busy }]) => ({
        freq,
        channel: frequencyChannel(freq) ?? 0,
        frames,
        airtime,
        busy: busy.share(now),
      }))
      .sort((a, b) => a.freq - b.freq);
  }

  transmit(antenna: Antenna, transmission: Transmission, done: (status: TxStatus) => void): void {
    const { freq } = transmission;
    const joined = this.#antennas.get(antenna.id) === antenna && frequencyChannel(freq) !== undefined;
    const frame = joined ? headerOf(transmission.frame) : undefined;
    if (!frame || !this.#medium(freq).add({ antenna, transmission, frame, done })) this.#drop(antenna, done);
  }

  #medium(freq: number): Medium {
    let medium = this.#media.get(freq);
    if (!medium) {
      medium = new Medium(this.#clock, (waiting, start, idle) => this.#begin(waiting, start, idle));
      this.#media.set(freq, medium);
    }
    return medium;
  }

  #drop(antenna: Antenna, done: (status: TxStatus) => void): void {
    const books = this.#books.get(antenna.id);
    if (books) books.total.dropped++;
    done({ acked: false, tries: 0, rate: 0, airtime: 0, signal: this.noiseFloor });
  }

  #begin(waiting: Waiting, start: number, idle: number): Flight {
    const { antenna, transmission, frame } = waiting;
    const { receiver } = frame;
    const group = frame.isGroupAddressed;
    const listeners = this.#listeners(antenna, transmission.freq);
    const addressees = group
      ? listeners
      : listeners.filter(({ antenna: listener }) => listener.acknowledges(receiver));
    const sending = { ...transmission, bytes: frame.bytes.length + FCS_BYTES, needsAck: needsAck(frame) };
    const link =
      !group && antenna.acknowledges(receiver)
        ? LOOP
        : this.#link(antenna, addressees[0], transmission.freq, start);
    const result = exchange(sending, link, {
      idle,
      draw: this.#access,
      collides: window => this.#collides(antenna, transmission.freq, window),
    });
    this.#interference?.add(transmission.freq, { antenna, start, end: start + result.airtime / 1_000 });

    const hears = ({ antenna: listener, signal }: Listener) =>
      !result.collided &&
      this.#draw(antenna.id, listener.id)() >=
        frameLoss(result.rate, signal - this.noiseFloor, sending.bytes);
    const receivers = sending.needsAck
      ? addressees.filter(() => result.receivedAt !== undefined)
      : addressees.filter(hears);
    const overhearing = group
      ? []
      : listeners.filter(
          listener => listener.antenna.promiscuous && !addressees.includes(listener) && hears(listener),
        );
    // What it is heard with is that of the beginning too. A tap hears a frame for its antenna when that does.
    const heard = (listener: Listener) => !addressees.includes(listener) || receivers.includes(listener);
    const heardAt = new Map(
      this.#taps.size > 0 ? listeners.filter(heard).map(l => [l.antenna.id, l.signal]) : [],
    );
    return {
      airtime: result.airtime,
      land: end => this.#land(waiting, result, { receivers, overhearing, heardAt, link }, end),
    };
  }

  #land(
    { antenna, transmission, frame: view, done }: Waiting,
    { acked, receivedAt, tries, rate, airtime }: Exchange,
    to: {
      receivers: Listener[];
      overhearing: Listener[];
      heardAt: Map<string, number>;
      link: Link | undefined;
    },
    end: number,
  ): void {
    const { freq, frame } = transmission;
    const arrived = receivedAt === undefined || receivedAt === 0 ? frame : retried(frame);
    this.#books.get(antenna.id)?.sent(view.transmitter ?? '', {
      bytes: frame.length,
      tries,
      acked,
      group: view.isGroupAddressed,
      airtime,
    });
    for (const tap of this.#taps) {
      const own = tap.at === undefined || tap.at === antenna.id;
      const signal = own ? antenna.txPower : to.heardAt.get(tap.at as string);
      if (signal === undefined || (!own && signal < this.noiseFloor)) continue;
      const noise = this.noiseFloor;
      tap.see({
        frame: arrived,
        freq,
        from: antenna.id,
        rate,
        signal,
        noise,
        time: end,
        tries,
        acked,
        airtime,
      });
    }
    for (const { antenna: listener, signal } of to.receivers) {
      this.#books.get(listener.id)?.received(frame.length);
      listener.receive({ frame: arrived, freq, signal, rate });
    }
    for (const { antenna: listener, signal } of to.overhearing) {
      listener.receive({ frame: arrived, freq, signal, rate });
    }
    const signal = to.link ? Math.round(this.noiseFloor + to.link.snrBack) : this.noiseFloor;
    done({ acked, tries, rate, airtime, signal });
  }

  #listeners(sender: Antenna, freq: number): Listener[] {
    const listeners: Listener[] = [];
    for (const antenna of this.#antennas.values()) {
      if (antenna === sender) continue;
      if (antenna.hears ? !antenna.hears(freq) : antenna.freq !== freq) continue;
      listeners.push({ antenna, signal: Math.round(this.#propagation.signal(sender, antenna.id, freq)) });
    }
    return listeners;
  }

  #link(sender: Antenna, to: Listener | undefined, freq: number, start: number): Link | undefined {
    if (!to) return undefined;
    const interference = this.#interference;
    const back = this.#propagation.signal(to.antenna, sender.id, freq);
    return {
      snr: (at, duration) =>
        to.signal -
        (interference?.noise(
          this.noiseFloor,
          freq,
          [start + at / 1_000, start + (at + duration) / 1_000],
          (other, otherFreq) => this.#propagation.signal(other, to.antenna.id, otherFreq),
        ) ?? this.noiseFloor),
      snrBack: back - this.noiseFloor,
      draw: this.#draw(sender.id, to.antenna.id),
    };
  }

  /** Each of the others that wait hits the same slot with the same chance (Bianchi, JSAC 2000, eq. 9, for one stage). */
  #collides(antenna: Antenna, freq: number, window: number): boolean {
    const others = this.#media.get(freq)?.contenders(antenna) ?? 0;
    if (!this.#interference || others === 0) return false;
    return this.#access() >= (1 - 1 / (window + 1)) ** others;
  }

  #draw(from: string, to: string): () => number {
    let links = this.#draws.get(from);
    if (!links) this.#draws.set(from, (links = new Map()));
    let draw = links.get(to);
    if (!draw) links.set(to, (draw = randomSequence(this.#seed, `${from}>${to}`)));
    return draw;
  }
}

function headerOf(frame: Uint8Array): Ieee80211Frame | undefined {
  try {
    return Ieee80211Frame.read(frame);
  } catch {
    return undefined;
  }
}

function retried(frame: Uint8Array): Uint8Array {
  // A Buffer’s `slice` would be a view.
  const copy = Uint8Array.from(frame);
  setFrameControl(copy, frameControl.RETRY, true);
  return copy;
}
