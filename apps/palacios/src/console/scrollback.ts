/** The last `limit` bytes of a stream, in memory of fixed size. */
export class Scrollback {
  readonly #ring: Uint8Array;
  /** Bytes ever written; modulo the size it is where the next one goes. */
  #written = 0;

  constructor(limit: number) {
    this.#ring = new Uint8Array(limit);
  }

  push(bytes: Uint8Array): void {
    const size = this.#ring.length;
    const kept = bytes.subarray(Math.max(0, bytes.length - size));
    this.#written += bytes.length - kept.length;
    const at = this.#written % size;
    const head = kept.subarray(0, size - at);
    this.#ring.set(head, at);
    this.#ring.set(kept.subarray(head.length), 0);
    this.#written += kept.length;
  }

  bytes(): Uint8Array {
    const size = this.#ring.length;
    if (this.#written <= size) return this.#ring.slice(0, this.#written);
    const at = this.#written % size;
    return Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)]);
  }
}
