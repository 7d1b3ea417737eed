import type { Clock } from '../clock';
import { slices, type RadioSettings, type Share } from './consolidation';
import type { Lane } from './lane';
import type { Station } from './station';
import { Visits, type Visit } from './visits';

/** A channel that vMACs want, or for which frames wait. */
export interface Demand extends Share {
  /** MHz. */
  freq: number;
  /** Frames wait. */
  waiting: boolean;
  /** ms until which it must not be left: an access point is about to answer. */
  holdUntil: number;
}

/** What a transceiver needs of its radio. */
export interface Baseband {
  readonly settings: RadioSettings;
  readonly clock: Clock;
  lane(freq: number): Lane;
  /** Channels that this transceiver is to serve, by frequency. */
  demands(of: Transceiver): Demand[];
  /** Awake members of a BSS on the channel. */
  members(freq: number): Station[];
  /**
   * A channel whose beacons nobody heard for long, while somebody scans.
   * @param idle there is nothing better to do: also while nobody scans
   */
  survey(now: number, idle: boolean): number | undefined;
  /** Sends the next frame that waits for the channel. @returns whether there was one */
  sendNext(freq: number, announcementsOnly: boolean, done: () => void): boolean;
  announce(lane: Lane, station: Station, sleeps: boolean): void;
  /** It is on the channel from now on. */
  arrived(freq: number): void;
  /** It is not on the channel any more. @param surveyedFrom when it came there, if it has heard all beacons since */
  left(freq: number, surveyedFrom: number | undefined): void;
}

/** ms without a frame for us, after the announcements, before the channel is left: access points have frames on the way. */
const LINGER_MS = 3;
const MAX_LINGER_MS = 50;
/** ms of silence after which a channel gives way to one where frames wait. */
const QUIET_MS = 8;

interface Goal {
  freq: number;
  /** ms to stay from the arrival; Infinity: until something changes. */
  stay: number;
  kind: 'home' | 'visit' | 'survey';
  /** A survey that was begun since nobody wanted anything. */
  idle?: boolean;
}

/** ms after which a radio that nobody wants looks whether a channel is to be surveyed. */
const IDLE_MS = 1_000;

/**
 * One channel at a time, and whose turn it is.
 *
 *     serving --time is up--> announcing --all acknowledged--> lingering --quiet--> tuned --> serving
 *
 * - Announcing: for each awake member a null frame with PM=1 to its access point, which buffers from then on. Guests'
 *   frames wait. What is not acknowledged is repeated thrice; then the channel is left all the same.
 * - Lingering: what the access point had already handed to the air still arrives; the channel is left when 3 ms brought
 *   nothing, after 50 ms at the latest.
 * - Tuned: PM=0 for each member, then what waits. Sleeping members are left as they are.
 * - Channels that are wanted take turns by {@link slices}; one that is quiet gives way early to one where frames wait;
 *   one where an answer to an authentication is due is not left before it came.
 * - Visits (probe requests, other frames off the vMAC's channel) go between, with `homeMs` on wanted channels between
 *   two; surveys when somebody scans, or nobody wants anything.
 */
export class Transceiver {
  /** MHz. */
  freq: number | undefined;
  since = 0;
  switches = 0;
  /** Members whose access point did not acknowledge that they sleep. */
  unannounced = 0;
  readonly visits = new Visits();
  #goal: Goal | undefined;
  #next: Goal | undefined;
  readonly #announced = new Set<Station>();
  #lingersSince: number | undefined;
  #sending = false;
  #timer: (() => void) | undefined;
  #homeUntil = 0;
  #surveyFrom = -Infinity;

  constructor(private readonly baseband: Baseband) {}

  get isLeaving(): boolean {
    return this.#next !== undefined;
  }

  ask(visit: Visit): void {
    this.visits.ask(visit);
    this.wake();
  }

  /** What is wanted has changed, or time has passed. */
  wake(): void {
    this.#plan();
    this.pump();
  }

  stop(): void {
    this.#timer?.();
    this.freq = this.#next = this.#goal = undefined;
  }

  /** Frames wait. */
  pump(): void {
    if (this.#sending || this.freq === undefined) return;
    const { freq } = this;
    this.#sending = true;
    const sent = this.baseband.sendNext(freq, this.isLeaving, () => {
      this.#sending = false;
      this.pump();
    });
    if (sent) return;
    this.#sending = false;
    if (this.isLeaving) this.#leaveOrLinger();
    else if (this.#goal && this.#goal.kind === 'home' && this.#goal.stay !== Infinity) this.#plan();
  }

  #plan(): void {
    if (this.isLeaving) return;
    const now = this.baseband.clock.now();
    const demands = this.baseband.demands(this);
    const goal = this.#choose(now, demands);
    if (!goal) return;
    if (goal.freq === this.freq) {
      if (goal !== this.#goal) this.#begin(goal, now);
      this.#arm(now, demands);
    } else this.#leave(goal);
  }

  #choose(now: number, demands: readonly Demand[]): Goal | undefined {
    const goal = this.#goal;
    const visit = this.visits.next(now);
    const isOver = !goal || now >= this.since + goal.stay;
    if (goal?.kind === 'visit' && !isOver) {
      if (visit?.freq === goal.freq) return this.#visit(visit);
      return goal;
    }
    if (visit && (demands.length === 0 || goal?.kind === 'survey' || visit.freq === this.freq)) {
      return this.#visit(visit);
    }
    if (goal?.kind === 'survey' && !isOver && !(goal.idle && demands.length > 0)) return goal;
    if (demands.length === 0) return this.#survey(now, true) ?? this.#stayHere();
    const current = demands.find(({ freq }) => freq === this.freq);
    if (goal?.kind === 'home' && now >= Math.max(this.#homeUntil, current?.holdUntil ?? 0)) {
      if (visit) return this.#visit(visit);
      const survey = now >= this.#surveyFrom && this.#survey(now);
      if (survey) return survey;
    }
    return this.#turn(now, demands, isOver);
  }

  /** Of the channels that are wanted, the one whose turn it is. */
  #turn(now: number, demands: readonly Demand[], isOver: boolean): Goal | undefined {
    const at = demands.findIndex(({ freq }) => freq === this.freq);
    const current = demands[at];
    const isHome = this.#goal?.kind === 'home';
    if (demands.length === 1) {
      const [{ freq }] = demands as [Demand];
      if (current && isHome && this.#goal?.stay === Infinity) return this.#goal;
      return { freq, stay: Infinity, kind: 'home' };
    }
    const stays = current && isHome && this.#goal?.stay !== Infinity;
    if (stays && (now < current.holdUntil || (!isOver && !this.#yields(now, current, demands))))
      return this.#goal;
    // A channel that was alone until now has its first slice from now on.
    const turn = current && isHome && !stays ? at : (at + 1) % demands.length;
    const next = demands[turn] as Demand;
    const stay = slices(demands, this.baseband.settings.sliceMs)[turn] as number;
    return { freq: next.freq, stay, kind: 'home' };
  }

  #yields(now: number, current: Demand, demands: readonly Demand[]): boolean {
    // Stations of an access point send when they like.
    if (
      current.waiting ||
      current.accessPoint ||
      !demands.some(demand => demand !== current && demand.waiting)
    )
      return false;
    return now - Math.max(this.since, this.baseband.lane(current.freq).traffic) >= QUIET_MS;
  }

  #visit({ freq, stay }: Visit): Goal {
    this.visits.take(freq);
    return { freq, stay, kind: 'visit' };
  }

  #survey(now: number, idle = false): Goal | undefined {
    const freq = this.baseband.survey(now, idle);
    return freq === undefined
      ? undefined
      : { freq, stay: this.baseband.settings.surveyMs, kind: 'survey', idle };
  }

  #stayHere(): Goal | undefined {
    if (this.freq === undefined) return undefined;
    return this.#goal?.stay === Infinity ? this.#goal : { freq: this.freq, stay: Infinity, kind: 'home' };
  }

  #arm(now: number, demands: readonly Demand[]): void {
    this.#timer?.();
    this.#timer = undefined;
    const goal = this.#goal as Goal;
    let due = this.since + goal.stay;
    if (demands.length === 0) due = Math.min(due, now + IDLE_MS);
    if (goal.kind === 'home') {
      const current = demands.find(({ freq }) => freq === goal.freq);
      if (current && due <= now) due = current.holdUntil;
      if (this.visits.next(now)) due = Math.min(due, this.#homeUntil);
      if (this.baseband.survey(now, false) !== undefined) {
        due = Math.min(due, Math.max(this.#homeUntil, this.#surveyFrom));
      }
      const others = demands.some(({ freq, waiting }) => waiting && freq !== goal.freq);
      if (current && others && !current.waiting && !current.accessPoint) {
        due = Math.min(due, Math.max(this.since, this.baseband.lane(goal.freq).traffic) + QUIET_MS);
      }
    }
    if (due === Infinity) return;
    this.#timer = this.baseband.clock.after(Math.max(1, due - now), () => this.wake());
  }

  #leave(goal: Goal): void {
    this.#timer?.();
    this.#next = goal;
    if (this.freq === undefined) return this.#tune();
    // Those that are not awake yet stay asleep.
    this.baseband.lane(this.freq).announcements.length = 0;
    this.#announced.clear();
    this.#lingersSince = undefined;
    this.pump();
  }

  /** No announcement is under way. */
  #leaveOrLinger(): void {
    const freq = this.freq as number;
    const { clock } = this.baseband;
    const now = clock.now();
    const lane = this.baseband.lane(freq);
    const members = this.baseband.members(freq);
    const awake = members.filter(station => !station.away);
    const news = awake.filter(station => !this.#announced.has(station));
    if (news.length > 0) {
      for (const station of news) {
        this.#announced.add(station);
        this.baseband.announce(lane, station, true);
      }
      return this.pump();
    }
    this.#lingersSince ??= now;
    const quietFrom = Math.max(this.#lingersSince, lane.heard);
    const due = Math.min(quietFrom + LINGER_MS, this.#lingersSince + MAX_LINGER_MS);
    if (members.length > 0 && now < due) {
      this.#timer?.();
      this.#timer = clock.after(due - now, () => this.pump());
      return;
    }
    this.unannounced += awake.length;
    this.#tune();
  }

  #tune(): void {
    const now = this.baseband.clock.now();
    const visit = this.visits.next(now);
    const isSurvey = this.#next?.kind === 'survey';
    const goal = isSurvey && visit ? this.#visit(visit) : (this.#next as Goal);
    if (this.freq !== undefined) {
      const surveyed = this.#goal?.kind === 'survey' && now >= this.since + this.#goal.stay;
      this.baseband.left(this.freq, surveyed ? this.since : undefined);
      this.switches++;
    }
    this.#next = this.#lingersSince = undefined;
    this.freq = goal.freq;
    this.#begin(goal, now);
    this.baseband.arrived(goal.freq);
    const lane = this.baseband.lane(goal.freq);
    for (const station of this.baseband.members(goal.freq)) {
      if (station.away) this.baseband.announce(lane, station, false);
    }
    this.#arm(now, this.baseband.demands(this));
    this.pump();
  }

  #begin(goal: Goal, now: number): void {
    if (goal.kind === 'home' && this.#goal?.kind !== 'home')
      this.#homeUntil = now + this.baseband.settings.homeMs;
    // As long at home as away.
    if (this.#goal?.kind === 'survey') this.#surveyFrom = now + this.baseband.settings.surveyMs;
    this.#goal = goal;
    this.since = now;
  }
}
