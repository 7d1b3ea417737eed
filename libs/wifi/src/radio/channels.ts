import { charge } from '../air';
import type { AirAccess, Antenna, TxStatus } from '../antenna';
import type { Clock } from '../clock';
import { powerSaveNull } from './announcement';
import { slices, type RadioSettings } from './consolidation';
import { toAir } from './hwsim-rates';
import { Lane, type Announcement } from './lane';
import type { Outgoing } from './outgoing';
import type { Station } from './station';
import { Survey } from './survey';
import { Transceiver, type Baseband, type Demand } from './transceiver';
import type { Visit } from './visits';

/** ms after its last frame that a vMAC counts as active. */
const ACTIVE_MS = 1_000;
/** How often an announcement is sent that the access point does not acknowledge. */
const ANNOUNCEMENT_TRIES = 3;

/** Whose turn a channel is. */
export interface Turn {
  /** MHz. */
  freq: number;
  /** ms of one turn; 0: no turns are needed. */
  sliceMs: number;
  /** Of a transceiver's time, 0 to 1. */
  share: number;
  /** vMACs that want it. */
  addresses: string[];
}

export interface ChannelsOwner {
  readonly antenna: Antenna;
  readonly stations: ReadonlyMap<string, Station>;
  /** Whether an interface of a guest is up. */
  isUsed(): boolean;
  /** Whether a guest scans, and does not ask by itself. */
  awaitsBeacons(now: number): boolean;
  /** A frame's transmission is over; without a status it was not sent, since nobody waits for it any more. */
  sent(item: Outgoing, status: TxStatus | undefined): void;
}

/** What the radio sends, on which channel and when: the lanes of frames and the transceivers that serve them. */
export class Channels implements Baseband {
  readonly #lanes = new Map<number, Lane>();
  readonly #survey = new Survey();
  readonly #lastVisit = new Map<number, number>();
  readonly #onAir = new Set<Outgoing>();
  readonly #assigned = new Map<number, Transceiver>();
  readonly #transceivers: Transceiver[] = [];

  constructor(
    private readonly owner: ChannelsOwner,
    private readonly air: AirAccess,
    readonly clock: Clock,
    readonly settings: RadioSettings,
  ) {
    for (let i = 0; i < settings.channels; i++) this.#transceivers.push(new Transceiver(this));
  }

  get transceivers(): readonly Transceiver[] {
    return this.#transceivers;
  }

  /** Those of the channels that are listened to. */
  get tuned(): number[] {
    return this.#transceivers.flatMap(({ freq }) => freq ?? []);
  }

  hears(freq: number): boolean {
    for (const transceiver of this.#transceivers) if (transceiver.freq === freq) return true;
    return false;
  }

  lane(freq: number): Lane {
    let lane = this.#lanes.get(freq);
    if (!lane) this.#lanes.set(freq, (lane = new Lane(freq)));
    return lane;
  }

  /** Frames of a vMAC that are not answered: on the air, then those that wait. */
  unanswered(station: Station): Outgoing[] {
    const isOf = (item: Outgoing) => item.station === station;
    const waiting = [...this.#lanes.values()].flatMap(lane => [
      ...lane.probes.filter(isOf),
      ...lane.frames.of(station),
    ]);
    return [...[...this.#onAir].filter(isOf), ...waiting];
  }

  /** Takes what waits of a vMAC out of all lanes. */
  withdraw(station: Station): Outgoing[] {
    const items: Outgoing[] = [];
    for (const lane of this.#lanes.values()) {
      items.push(...lane.probes.filter(item => item.station === station), ...lane.frames.remove(station));
      lane.probes = lane.probes.filter(item => item.station !== station);
    }
    station.queued -= items.length;
    return items;
  }

  /** When the radio last came to the channel. */
  lastVisit(freq: number): number {
    return this.#lastVisit.get(freq) ?? Infinity;
  }

  /** Frames wait for the channel. @returns whether the radio is there, and stays */
  pump(freq: number): boolean {
    const serving = this.#transceivers.find(
      transceiver => transceiver.freq === freq && !transceiver.isLeaving,
    );
    if (serving) serving.pump();
    return serving !== undefined;
  }

  /** What is wanted has changed. */
  wake(): void {
    if (!this.owner.isUsed()) this.stop();
    else for (const transceiver of this.#transceivers) transceiver.wake();
  }

  visit(visit: Visit): void {
    const here = this.#transceivers.find(({ freq }) => freq === visit.freq);
    const load = (transceiver: Transceiver) => this.demands(transceiver).length;
    const transceiver = here ?? this.#transceivers.reduce((a, b) => (load(b) < load(a) ? b : a));
    transceiver.ask(visit);
  }

  stop(): void {
    for (const transceiver of this.#transceivers) transceiver.stop();
  }

  /** What vMACs want, by frequency. */
  wanted(): Demand[] {
    const now = this.clock.now();
    const demands = new Map<number, Demand>();
    const at = (freq: number) => {
      let demand = demands.get(freq);
      if (!demand) {
        demand = { freq, active: 0, accessPoint: false, waiting: false, holdUntil: 0 };
        demands.set(freq, demand);
      }
      return demand;
    };
    for (const { freq, until, state, answerUntil, lastTraffic } of this.owner.stations.values()) {
      if (freq === undefined || until <= now) continue;
      const demand = at(freq);
      if (now - lastTraffic < ACTIVE_MS) demand.active++;
      if (state === 'ap') demand.accessPoint = true;
      demand.holdUntil = Math.max(demand.holdUntil, answerUntil);
    }
    for (const { freq, frames } of this.#lanes.values()) if (frames.size > 0) at(freq).waiting = true;
    return [...demands.values()].sort((a, b) => a.freq - b.freq);
  }

  demands(of: Transceiver): Demand[] {
    const wanted = this.wanted();
    if (this.#transceivers.length === 1) return wanted;
    this.#assign(wanted);
    return wanted.filter(({ freq }) => this.#assigned.get(freq) === of);
  }

  schedule(): Turn[] {
    const now = this.clock.now();
    return this.#transceivers.flatMap(transceiver => {
      const demands = this.demands(transceiver);
      const lengths = slices(demands, this.settings.sliceMs);
      const cycle = this.settings.sliceMs * demands.length;
      return demands.map(({ freq }, i) => ({
        freq,
        sliceMs: demands.length === 1 ? 0 : (lengths[i] as number),
        share: (lengths[i] as number) / cycle,
        addresses: [...this.owner.stations.values()]
          .filter(station => station.freq === freq && station.until > now)
          .map(({ address }) => address),
      }));
    });
  }

  /** Tells access points of the channels that the radio is on that those are awake who came asleep. */
  welcome(): void {
    for (const { freq, isLeaving } of this.#transceivers) {
      if (freq === undefined || isLeaving) continue;
      const lane = this.lane(freq);
      const isTold = (station: Station) => lane.announcements.some(other => other.station === station);
      for (const station of this.members(freq)) {
        if (station.away && !isTold(station)) this.announce(lane, station, false);
      }
      this.pump(freq);
    }
  }

  /** Channels stay where they are; a transceiver that has none takes one over from another that has several. */
  #assign(wanted: readonly Demand[]): void {
    for (const freq of this.#assigned.keys()) {
      if (!wanted.some(demand => demand.freq === freq)) this.#assigned.delete(freq);
    }
    const of = (transceiver: Transceiver) =>
      [...this.#assigned].filter(([, other]) => other === transceiver).map(([freq]) => freq);
    const fewest = () => this.#transceivers.reduce((a, b) => (of(b).length < of(a).length ? b : a));
    for (const { freq } of wanted) {
      if (this.#assigned.has(freq)) continue;
      const there = this.#transceivers.find(transceiver => transceiver.freq === freq);
      this.#assigned.set(freq, there && of(there).length === 0 ? there : fewest());
    }
    for (;;) {
      const idle = fewest();
      const crowded = this.#transceivers.find(other => of(other).length > of(idle).length + 1);
      const moved = crowded && of(crowded).find(freq => freq !== crowded.freq);
      if (moved === undefined) return;
      this.#assigned.set(moved, idle);
    }
  }

  members(freq: number): Station[] {
    return [...this.owner.stations.values()].filter(
      station => station.isAwakeMember && station.freq === freq,
    );
  }

  survey(now: number, idle: boolean): number | undefined {
    if (!idle && !this.owner.awaitsBeacons(now)) return undefined;
    return this.#survey.next(now, this.settings.surveyAgeMs, freq => this.hears(freq));
  }

  arrived(freq: number): void {
    this.#lastVisit.set(freq, this.clock.now());
  }

  left(freq: number, surveyedFrom: number | undefined): void {
    if (surveyedFrom === undefined) return;
    this.#survey.heard(freq, this.clock.now());
    this.surveyed?.(freq, surveyedFrom);
  }

  /** All beacons of the channel were heard since then. */
  surveyed: ((freq: number, since: number) => void) | undefined;

  announce(lane: Lane, station: Station, sleeps: boolean): void {
    lane.announcements.push({ station, sleeps, tries: 0 });
  }

  sendNext(freq: number, announcementsOnly: boolean, done: () => void): boolean {
    const lane = this.lane(freq);
    const announcement = lane.announcements.shift();
    if (announcement) {
      this.#announce(lane, announcement, done);
      return true;
    }
    if (announcementsOnly) return false;
    const item = this.#nextProbe(lane) ?? lane.frames.next();
    if (item) this.#send(lane, item, done);
    return item !== undefined;
  }

  #nextProbe(lane: Lane): Outgoing | undefined {
    const now = this.clock.now();
    for (;;) {
      const probe = lane.probes.shift();
      if (!probe || now <= (probe.expires ?? Infinity)) return probe;
      this.owner.sent(probe, undefined);
    }
  }

  #send(lane: Lane, item: Outgoing, done: () => void): void {
    const { station, message } = item;
    item.isSent = true;
    this.#onAir.add(item);
    const transmission = { frame: message.frame, freq: lane.freq, rates: toAir(message.rates, lane.freq) };
    this.air.transmit(this.owner.antenna, transmission, status => {
      lane.frames.charge(station, status.airtime);
      lane.traffic = this.clock.now();
      this.#onAir.delete(item);
      this.owner.sent(item, status);
      done();
    });
  }

  #announce(lane: Lane, announcement: Announcement, done: () => void): void {
    const { station, sleeps } = announcement;
    if (!station.isAwakeMember || station.freq !== lane.freq) return done();
    const transmission = powerSaveNull(station, lane.freq, sleeps);
    this.air.transmit(this.owner.antenna, transmission, status => {
      const now = this.clock.now();
      charge(station.sent, {
        bytes: transmission.frame.length,
        tries: status.tries,
        acked: status.acked,
        group: false,
        airtime: status.airtime,
      });
      lane.frames.charge(station, status.airtime);
      if (status.acked) {
        station.away = sleeps;
        station.heard = now;
      } else if (++announcement.tries < ANNOUNCEMENT_TRIES) lane.announcements.push(announcement);
      done();
    });
  }
}
