/** Largest message of a console's client, bytes: far more than anyone types or pastes at once. */
export const MAX_CONSOLE_MESSAGE = 64 * 1024;
/** A paste of this size goes through at once. */
const BURST_BYTES = 64 * 1024;
/** Three times what a serial line of 115,200 baud carries. */
const BYTES_PER_MS = 32;

/**
 * How much console input a guest is given, and a client may send. A guest that does not read its serial port must not
 * let the queue before it grow without end.
 */
export class InputQuota {
  dropped = 0;
  #credit = BURST_BYTES;
  #at: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.#at = now();
  }

  /** @returns how many of the bytes may go on */
  accept(bytes: number): number {
    const now = this.now();
    this.#credit = Math.min(BURST_BYTES, this.#credit + (now - this.#at) * BYTES_PER_MS);
    this.#at = now;
    const accepted = Math.min(bytes, Math.floor(this.#credit));
    this.#credit -= accepted;
    this.dropped += bytes - accepted;
    return accepted;
  }
}
