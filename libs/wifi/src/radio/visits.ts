/** A channel that somebody wants to be visited, for what is no association. */
export interface Visit {
  /** MHz. */
  freq: number;
  /** ms to stay. */
  stay: number;
  /** ms after which nobody waits for it any more. */
  expires: number;
}

const MAX_VISITS = 64;

/** Visits that are asked for, in the order of asking, one for each channel. */
export class Visits {
  readonly #wanted = new Map<number, Visit>();

  ask(visit: Visit): void {
    const known = this.#wanted.get(visit.freq);
    if (!known && this.#wanted.size >= MAX_VISITS) return;
    this.#wanted.set(visit.freq, {
      freq: visit.freq,
      stay: Math.max(visit.stay, known?.stay ?? 0),
      expires: Math.max(visit.expires, known?.expires ?? 0),
    });
  }

  /** Without those that came too late. */
  next(now: number): Visit | undefined {
    for (const visit of this.#wanted.values()) {
      if (visit.expires > now) return visit;
      this.#wanted.delete(visit.freq);
    }
    return undefined;
  }

  take(freq: number): void {
    this.#wanted.delete(freq);
  }
}
