/**
 * The right of this host to run its VMs: a lease in the store (Gray and Cheriton, SOSP 1989). Its length is counted
 * here from *before* it was asked for, on the monotonic clock, and there from when it was written, on the database's:
 * so it ends here first, and whoever waits there until it has ended finds nobody running.
 *
 * | state | guests | leads on |
 * |---|---|---|
 * | none | there are none | taken → held |
 * | held | run | renewed in time → held; its end, or a refusal → lapsed |
 * | lapsed | stand still: each thread by the word that it looks at, and all by `standStill` | taken → settling |
 * | settling | stand still; the store is asked whose they are | answered in time → held, else lapsed |
 *
 * From settling to held those that are another's are discarded, before anything runs. A renewal is never answered as a
 * success after the end of the lease in the store (`HostLeaseRepository.renew`); one whose answer comes here after the
 * end counts for nothing.
 */
import { V3Error } from '@v3vee/contracts';
import type { HostLeaseRepository, VmDefinition, VmRepository } from '@v3vee/store';
import type { Log } from '../lifecycle/ports';
import { monotonic, type Clock } from './clock';
import { isDead } from './holder';

/** Shares of a lease's length: five renewals fit in, and three times may an answer stay out. */
const SHARE = { renew: 1 / 5, retry: 1 / 20, answer: 3 / 10 };

/** What the lease is for. None of it may fail or take time: it is done at once. */
export interface Guests {
  /** Nothing of any guest runs from now on, whatever else is being done with it. */
  standStill(): void;
  /** Whose row is not among these is another's: it is discarded. */
  settle(owned: readonly VmDefinition[]): void;
  /** Those that stood still go on. */
  goOn(): void;
}

export interface LeaseOptions {
  host: string;
  incarnation: string;
  /** Names this process, see `holder.ts`. */
  holder: string;
  seconds: number;
  leases: Pick<HostLeaseRepository, 'take' | 'renew' | 'release'>;
  vms: Pick<VmRepository, 'ofHost'>;
  guests: Guests;
  /** What the guests' threads look at: until when they may run, ms. */
  word: { until(instant: number): void };
  log: Log;
  clock?: Clock;
  dead?: (holder: string) => boolean;
}

export class Lease {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  #held = false;
  #deadline = 0;
  #term = 0;
  #watching: { cancel(): void } | undefined;
  #waiting: { cancel(): void } | undefined;
  #loop: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #waiters = new Set<() => void>();
  /** Incarnation of another holder that is known to be dead. */
  #dead: string | undefined;
  /** What the store was asked last, whether anybody still waits for the answer or not. */
  #asked: Promise<unknown> = Promise.resolve();
  /** What was complained of last; said once. */
  #complaint = '';
  #ending = false;
  #stopped = false;

  constructor(private readonly options: LeaseOptions) {
    this.#clock = options.clock ?? monotonic;
    this.#lengthMs = options.seconds * 1_000;
  }

  get held(): boolean {
    return this.#held && this.#clock.now() < this.#deadline;
  }

  /** Grows each time that it is taken: what was read of the store in an earlier term may be wrong. */
  get term(): number {
    return this.#term;
  }

  /** Takes it, and keeps it from now on. Resolves when it is held, or when this Palacios ends. */
  async open(): Promise<void> {
    this.#loop ??= this.#keep();
    await this.whenHeld().catch(() => undefined);
  }

  /** @throws V3Error SERVICE_UNAVAILABLE: this Palacios ends, and has not got it */
  async whenHeld(): Promise<void> {
    while (!this.held) {
      if (this.#ending)
        throw new V3Error('SERVICE_UNAVAILABLE', `the lease of host ${this.options.host} is over`);
      await new Promise<void>(resolve => this.#waiters.add(resolve));
    }
  }

  /** Nobody waits for it any more; it is kept until `close`. */
  end(): void {
    this.#ending = true;
    this.#tell();
  }

  /** No guest runs any more: the host goes in order and is not to be taken for lost. */
  async close(): Promise<void> {
    const { leases, host, incarnation } = this.options;
    this.end();
    this.#stopped = true;
    this.#wake();
    await this.#loop;
    this.#watching?.cancel();
    this.#held = false;
    this.options.word.until(0);
    // One that is still on its way would take it again.
    const asked = this.#asked;
    await this.#ask(() => asked);
    await this.#ask(() => leases.release(host, incarnation));
  }

  async #keep(): Promise<void> {
    while (!this.#stopped) {
      const done = this.#held ? await this.#renew() : await this.#take();
      await this.#pause(this.#lengthMs * (done ? SHARE.renew : SHARE.retry));
    }
  }

  /** @returns whether that was done which there was to do */
  async #renew(): Promise<boolean> {
    const { leases, host, incarnation, seconds } = this.options;
    const sent = this.#clock.now();
    const renewed = await this.#ask(() => leases.renew({ host, incarnation, seconds }));
    // It may have ended meanwhile: then it has to be taken.
    if (renewed === undefined || !this.#held) return false;
    if (!renewed) {
      this.#lapse('it has ended by the database’s clock, or is another’s');
      return false;
    }
    const before = this.#deadline;
    this.#until(sent + this.#lengthMs);
    if (this.#clock.now() < before) return true;
    // A guest's thread may have looked at the word before it was moved on, and stands still.
    this.#lapse('its renewal came too late');
    return false;
  }

  async #take(): Promise<boolean> {
    const { leases, vms, guests, host, incarnation, holder, seconds } = this.options;
    const sent = this.#clock.now();
    const other = await this.#ask(() => leases.take({ host, incarnation, holder, seconds }, this.#dead));
    if (other === undefined) return false;
    if (other !== null) {
      if (this.#dead !== other.incarnation && (this.options.dead ?? isDead)(other.holder)) {
        this.#dead = other.incarnation;
        return this.#take();
      }
      this.#complain(`another palacios has it until ${other.expiresAt.toISOString()}`);
      return false;
    }
    this.#term++;
    const owned = await this.#ask(() => vms.ofHost(host));
    if (owned === undefined || this.#clock.now() >= sent + this.#lengthMs) return false;
    guests.settle(owned);
    this.#held = true;
    this.#until(sent + this.#lengthMs);
    this.#complaint = '';
    this.options.log.info({ host, term: this.#term }, 'the lease is held: guests may run');
    guests.goOn();
    this.#tell();
    return true;
  }

  #until(deadline: number): void {
    this.#deadline = deadline;
    this.options.word.until(deadline);
    this.#watch();
  }

  #watch(): void {
    this.#watching?.cancel();
    this.#watching = this.#clock.after(this.#deadline - this.#clock.now(), () => {
      if (this.#clock.now() < this.#deadline) this.#watch();
      else this.#lapse('it could not be renewed in time');
    });
  }

  #lapse(why: string): void {
    if (!this.#held) return;
    this.#held = false;
    this.#watching?.cancel();
    this.options.word.until(0);
    this.options.guests.standStill();
    this.#wake();
    const { log, host } = this.options;
    log.error({ host, why }, 'the lease is over: every guest stands still');
  }

  #tell(): void {
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }

  /** Undefined: no answer, or one that came too late to mean anything. */
  async #ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    let late: { cancel(): void } | undefined;
    const limit = new Promise<undefined>(resolve => {
      late = this.#clock.after(this.#lengthMs * SHARE.answer, () => resolve(undefined));
    });
    const answer = question().catch(thrown => {
      this.#complain(V3Error.from(thrown).message);
      return undefined;
    });
    this.#asked = answer;
    try {
      return await Promise.race([answer, limit]);
    } finally {
      late?.cancel();
    }
  }

  #complain(what: string): void {
    if (what === this.#complaint) return;
    this.#complaint = what;
    this.options.log.warn(
      { host: this.options.host, error: what },
      'the lease could not be taken or renewed yet',
    );
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>(resolve => {
      this.#wake = resolve;
      this.#waiting = this.#clock.after(ms, resolve);
    });
    this.#waiting?.cancel();
  }
}
