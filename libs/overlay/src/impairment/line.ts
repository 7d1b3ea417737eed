import type { Impairment } from '@v3vee/contracts';
import { systemClock, type LineClock } from './delay-queue';
import { Impairer, LineCounters } from './impairer';

/**
 * One direction of a line: frames in, frames out, now or later. Without an impairment it costs one comparison.
 *
 * ```ts
 * const out = new Line('out', frames => node.transmit(port, frames));
 * out.impair(settings.impairment);   // null: none; may be changed at any time
 * out.send(frames);                  // super-frames; may be views, unchanged until the tick ends
 * out.stop();
 * ```
 */
export class Line {
  readonly counters = new LineCounters();
  #impairer: Impairer | undefined;
  #settings = '';

  /** @param name `in` or `out`: each direction draws its own fates from the one seed */
  constructor(
    private readonly name: string,
    private readonly deliver: (frames: Uint8Array[]) => void,
    private readonly clock: LineClock = systemClock,
  ) {}

  send(frames: Uint8Array[]): void {
    if (this.#impairer === undefined) this.deliver(frames);
    else this.#impairer.send(frames);
  }

  /**
   * Frames from now on. Those that wait are let go at once, in order; the same settings again change nothing, and
   * the sequence of fates goes on.
   */
  impair(settings: Impairment | null): void {
    const key = isNothing(settings) ? '' : JSON.stringify(settings);
    if (key === this.#settings) return;
    this.#settings = key;
    const old = this.#impairer;
    this.#impairer =
      key === ''
        ? undefined
        : new Impairer(settings as Impairment, this.name, this.counters, this.clock, this.deliver);
    old?.flush();
  }

  /** Forgets the frames that wait. */
  stop(): void {
    this.#impairer?.stop();
  }
}

function isNothing(settings: Impairment | null): boolean {
  if (!settings) return true;
  const { delayMs, jitterMs, lossPercent, duplicatePercent, corruptPercent, rateKbit } = settings;
  return delayMs + jitterMs + lossPercent + duplicatePercent + corruptPercent === 0 && rateKbit === null;
}
