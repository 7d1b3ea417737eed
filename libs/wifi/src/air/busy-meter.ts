const WINDOW_MS = 100;
const WINDOWS = 10;

/** How much of the last second a channel was taken. */
export class BusyMeter {
  readonly #windows = new Float64Array(WINDOWS);
  #current = 0;

  /** Takes times in any order, as far as they are less than a second apart. */
  add(start: number, end: number): void {
    for (let at = start; at < end;) {
      const window = Math.floor(at / WINDOW_MS);
      const until = Math.min(end, (window + 1) * WINDOW_MS);
      this.#turnTo(window);
      const slot = window % WINDOWS;
      if (window > this.#current - WINDOWS)
        this.#windows[slot] = (this.#windows[slot] as number) + until - at;
      at = until;
    }
  }

  /** 0 to 1, over the windows that are whole. */
  share(now: number): number {
    const window = Math.floor(now / WINDOW_MS);
    this.#turnTo(window);
    let busy = 0;
    for (let i = 1; i < WINDOWS; i++) busy += this.#windows[(window + i) % WINDOWS] as number;
    return Math.min(1, busy / ((WINDOWS - 1) * WINDOW_MS));
  }

  #turnTo(window: number): void {
    if (window <= this.#current) return;
    const from = Math.max(this.#current + 1, window - WINDOWS + 1);
    for (let i = from; i <= window; i++) this.#windows[i % WINDOWS] = 0;
    this.#current = window;
  }
}
