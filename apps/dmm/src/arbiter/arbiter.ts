import type { DmmPolicy } from '@v3vee/contracts';

export interface Guest {
  vmId: string;
  epoch: number;
}
export type Why = 'access' | 'frame';

interface Waiter extends Guest {
  why: Why;
  /** When it began to wait, ms. */
  since: number;
  /** Its place: the smallest is next. When it began to wait, or when a switch to it failed last. */
  turn: number;
  failed: boolean;
  /** Whether what a switch to it needs is known. */
  ready: boolean;
}

/** What is to be done about a card now: nothing until something happens, look again at a time, or switch. */
export type Step = { do: 'nothing' } | { do: 'wait'; until: number } | { do: 'switch'; to: Guest };

/** After a failed switch; doubles up to the maximum while they fail, ms. */
const PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;

/**
 * Decides who has one card. The guests that wait for it take turns, the longest waiting first (round robin). Who has the
 * card keeps it for a slice once it got it, and longer while nobody waits; so of N guests that always want it each waits
 * for at most N-1 slices and N switches. The papers leave the policy open: this one is ours.
 *
 * A guest for which only a frame waits counts like one that stands at an access if the policy says `onFrame`. If not,
 * the card is not taken from anybody for it: it gets it when nobody has it, or when it stands at an access itself.
 *
 * Times are ms of any monotonic clock, given by the caller, who also carries out the switches:
 *
 * ```
 *            begin                done
 *   idle ───────────▶ switching ────────▶ idle: `to` has it
 *     ▲                   │ failed
 *     └──── a pause ◀─────┘ the holder has it still, as far as we know; `to` waits behind the others,
 *                           or is dropped if it is gone
 * ```
 */
export class Arbiter {
  private held: (Guest & { since: number }) | null = null;
  private queue: Waiter[] = [];
  private switching: { to: Guest; askedAgain: boolean; released: boolean } | undefined;
  private failures = 0;
  private pausedUntil = -Infinity;
  private changed = 0;

  constructor(private readonly policy: () => Pick<DmmPolicy, 'sliceMs' | 'onFrame'>) {}

  get holder(): Guest | null {
    return this.held && { vmId: this.held.vmId, epoch: this.held.epoch };
  }

  /** Who gets the card by the switch that is under way. */
  get next(): Guest | null {
    return this.switching?.to ?? null;
  }

  /** Changes whenever the card may have changed hands: what was heard of it before is not to be trusted after. */
  get moves(): number {
    return this.changed;
  }

  /** Whether the host named a waiter that has not asked yet itself, and is not served until it does. */
  get hasHearsay(): boolean {
    return this.queue.some(({ ready }) => !ready);
  }

  /** In the order of their turns. */
  waiting(now: number): (Guest & { why: Why; waitedMs: number })[] {
    return this.queue
      .filter(waiter => this.isWaiting(waiter))
      .map(({ vmId, epoch, why, since }) => ({ vmId, epoch, why, waitedMs: now - since }));
  }

  /**
   * A guest wants the card. Said again it keeps its place. Of the holder it is kept, but makes nobody wait: either it
   * is an old wish that is fulfilled (see `seen`), or what we know of the holder is wrong (see `found`), or it asks
   * because a switch that is under way takes the card from it.
   */
  ask({ vmId, epoch }: Guest, why: Why, now: number): void {
    if (this.switching?.to.vmId === vmId) this.switching.askedAgain = true;
    const known = this.find(vmId);
    if (!known) this.queue.push({ vmId, epoch, why, since: now, turn: now, failed: false, ready: true });
    else Object.assign(known, { epoch, ready: true, why: known.why === 'access' ? 'access' : why });
  }

  /** A guest surely has the card, if the card is not on its way elsewhere. */
  seen(vmId: string): void {
    if (!this.switching && this.held?.vmId === vmId) this.remove(vmId);
  }

  /** A guest is gone. */
  release(vmId: string): void {
    this.changed++;
    this.remove(vmId);
    if (this.held?.vmId === vmId) this.held = null;
    if (this.switching?.to.vmId === vmId) this.switching.released = true;
  }

  /**
   * What the host knows, asked for after the last of `moves`.
   * @param waiting longest first
   */
  found(
    holder: Guest | null,
    waiting: readonly (Guest & { why: Why; waitedMs: number })[],
    now: number,
  ): void {
    if (holder?.vmId !== this.held?.vmId || holder?.epoch !== this.held?.epoch) {
      this.held = holder && { vmId: holder.vmId, epoch: holder.epoch, since: now };
    }
    const listed = new Set(waiting.map(({ vmId }) => vmId));
    this.queue = this.queue.filter(({ ready, vmId }) => (ready || listed.has(vmId)) && vmId !== holder?.vmId);
    for (const { vmId, epoch, why, waitedMs } of waiting) {
      if (vmId === holder?.vmId) continue;
      const since = now - waitedMs;
      const known = this.find(vmId);
      if (!known) this.queue.push({ vmId, epoch, why, since, turn: since, failed: false, ready: false });
      else {
        known.since = Math.min(known.since, since);
        if (!known.failed) known.turn = Math.min(known.turn, since);
      }
    }
    this.sort();
  }

  step(now: number): Step {
    const { held, pausedUntil } = this;
    const first = this.switching ? undefined : this.queue.find(waiter => this.mayHaveIt(waiter));
    if (!first) return { do: 'nothing' };
    const until = Math.max(pausedUntil, held ? held.since + this.policy().sliceMs : -Infinity);
    if (until > now) return { do: 'wait', until };
    return { do: 'switch', to: { vmId: first.vmId, epoch: first.epoch } };
  }

  /** The switch that `step` asked for begins. It must be followed by `done` or `failed`. */
  begin(to: Guest): void {
    if (this.switching) throw new Error('a switch of this card is under way already');
    this.changed++;
    this.switching = { to, askedAgain: false, released: false };
  }

  done(now: number): void {
    const { to, released } = this.end();
    this.failures = 0;
    this.pausedUntil = -Infinity;
    this.held = released ? null : { ...to, since: now };
    if (!released) this.remove(to.vmId);
  }

  /**
   * The switch failed, and as far as is known changed nothing.
   * @param gone there is no such guest
   * @returns whether it was dropped; not if it asked again meanwhile, since then there is one
   */
  failed(now: number, gone: boolean): boolean {
    const { to, askedAgain } = this.end();
    if (gone && !askedAgain) {
      this.remove(to.vmId);
      return true;
    }
    this.pausedUntil = now + Math.min(PAUSE_MS * 2 ** this.failures++, MAX_PAUSE_MS);
    const waiter = this.find(to.vmId);
    if (waiter) {
      // The others shall not wait for one that cannot be served.
      this.remove(to.vmId);
      this.queue.push({ ...waiter, turn: now, failed: true });
      this.sort();
    }
    return false;
  }

  private end(): { to: Guest; askedAgain: boolean; released: boolean } {
    const { switching } = this;
    if (!switching) throw new Error('no switch of this card is under way');
    this.changed++;
    this.switching = undefined;
    return switching;
  }

  private isWaiting({ vmId }: Waiter): boolean {
    return vmId !== this.held?.vmId || this.switching !== undefined;
  }

  private mayHaveIt(waiter: Waiter): boolean {
    const isReason = waiter.why === 'access' || this.held === null || this.policy().onFrame;
    return waiter.ready && isReason && this.isWaiting(waiter);
  }

  private find(vmId: string): Waiter | undefined {
    return this.queue.find(waiter => waiter.vmId === vmId);
  }

  private remove(vmId: string): void {
    this.queue = this.queue.filter(waiter => waiter.vmId !== vmId);
  }

  private sort(): void {
    this.queue.sort((a, b) => a.turn - b.turn);
  }
}
