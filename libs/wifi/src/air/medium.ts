import type { Ieee80211Frame } from '@v3vee/wire';
import type { Antenna, Transmission, TxStatus } from '../antenna';
import type { Clock } from '../clock';
import { BusyMeter } from './busy-meter';

/** A frame that waits for the medium. */
export interface Waiting {
  antenna: Antenna;
  transmission: Transmission;
  /** Of the transmission. */
  frame: Ieee80211Frame;
  done: (status: TxStatus) => void;
}

/** A frame on the medium: what becomes of it is certain when it begins. */
export interface Flight {
  /** µs. */
  airtime: number;
  /** It arrives; the sender is told. */
  land(end: number): void;
}

/** How far, in ms, deliveries may be ahead of the medium's time. */
const AHEAD_MS = 2;
/** A timer for less would only turn in circles with rounding. */
const SOON_MS = 0.01;
/** How much of it is caught up when timers or the process were late. */
const MAX_LAG_MS = 20;
/** Frames of one antenna that wait. */
const MAX_WAITING = 1_024;

/**
 * One channel: one collision domain, in which all antennas hear one another and one frame is on the air at a time.
 * Antennas that wait take turns frame by frame, as equal stations do in the long run under DCF.
 *
 * Time. The medium has a time of its own in fractions of a ms: the end of the last frame. Timers are good for a
 * millisecond or two, while a frame takes a third of one, so that it never sleeps per frame. A frame is delivered at
 * once as long as that time is at most 2 ms ahead of the clock; otherwise one timer waits until it is, and then
 * whatever is due follows in one go. So a frame on a quiet channel has no delay, and a saturated one has its exact
 * rate: as long as frames wait, the medium's time goes on where the last frame ended, even if the timer came late (at
 * most 20 ms are caught up). A medium that nobody waited for saves up nothing.
 */
export class Medium {
  readonly busy = new BusyMeter();
  /** µs taken since the start. */
  airtime = 0;
  frames = 0;
  readonly #queues = new Map<Antenna, Waiting[]>();
  #free = 0;
  #idle = true;
  #flight: { flight: Flight; end: number } | undefined;
  #running = false;
  #cancel: (() => void) | undefined;

  /** @param begin draws what becomes of a frame; `idle` is µs that the medium was idle, `start` its time in ms */
  constructor(
    private readonly clock: Clock,
    private readonly begin: (waiting: Waiting, start: number, idle: number) => Flight,
  ) {}

  /** How many others have frames that wait. */
  contenders(antenna: Antenna): number {
    return this.#queues.size - (this.#queues.has(antenna) ? 1 : 0);
  }

  /** @returns whether there was room */
  add(waiting: Waiting): boolean {
    const queue = this.#queues.get(waiting.antenna);
    if (queue && queue.length >= MAX_WAITING) return false;
    if (queue) queue.push(waiting);
    else this.#queues.set(waiting.antenna, [waiting]);
    this.#run();
    return true;
  }

  /** Takes back what waits; a frame on the air lands. */
  remove(antenna: Antenna): Waiting[] {
    const queue = this.#queues.get(antenna) ?? [];
    this.#queues.delete(antenna);
    return queue;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    this.#cancel?.();
    this.#cancel = undefined;
    try {
      for (;;) {
        const current = this.#flight ?? this.#next();
        if (!current) break;
        const early = current.end - AHEAD_MS - this.clock.now();
        if (early > SOON_MS) {
          this.#cancel = this.clock.after(early, () => this.#run());
          break;
        }
        this.#flight = undefined;
        current.flight.land(current.end);
      }
    } finally {
      this.#running = false;
    }
  }

  #next(): { flight: Flight; end: number } | undefined {
    const waiting = this.#take();
    if (!waiting) {
      this.#idle = true;
      return undefined;
    }
    const now = this.clock.now();
    const idle = this.#idle ? Math.max(0, now - this.#free) : 0;
    this.#free = Math.max(this.#free, this.#idle ? now : now - MAX_LAG_MS);
    this.#idle = false;
    const start = this.#free;
    const flight = this.begin(waiting, start, idle * 1_000);
    this.#free = start + flight.airtime / 1_000;
    this.busy.add(start, this.#free);
    this.airtime += flight.airtime;
    this.frames++;
    this.#flight = { flight, end: this.#free };
    return this.#flight;
  }

  #take(): Waiting | undefined {
    const [first] = this.#queues;
    if (!first) return undefined;
    const [antenna, queue] = first;
    const waiting = queue.shift();
    // Whoever has had a turn goes to the end.
    this.#queues.delete(antenna);
    if (queue.length > 0) this.#queues.set(antenna, queue);
    return waiting;
  }
}
