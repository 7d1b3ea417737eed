import { BatchWriter, type CapturedFrame } from './batch';

/** A batch waits so long for more frames. */
const BATCH_MS = 20;
/**
 * What one capture may put on the bus: more than guests exchange for long, and less than its reader can take. Beyond
 * it frames are dropped, for the reader's sake: a client that NATS finds too slow is cut off.
 */
export const CAPTURE_BYTES_PER_MS = 64 * 1024;
const CAPTURE_BURST_BYTES = 8 << 20;

/** Answers whether the batch could be sent. */
export type Publish = (batch: Uint8Array) => boolean;

/** Where one capture's frames go: on the bus in batches, no more of them than it may. */
export class CapturePublisher {
  /** Frames that were published. */
  captured = 0;
  /** Frames that were to be captured, and are not. */
  dropped = 0;
  readonly #batch = new BatchWriter();
  #inBatch = 0;
  #timer: NodeJS.Timeout | undefined;
  #allowance = CAPTURE_BURST_BYTES;
  #allowedAt: number;

  /** @param now milliseconds that never go back */
  constructor(
    private readonly publish: Publish,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#allowedAt = now();
  }

  /** Whether a frame of which so many bytes are kept may come now; one that may not is counted. */
  admits(kept: number): boolean {
    if (this.#allowance < kept) {
      const now = this.now();
      const earned = (now - this.#allowedAt) * CAPTURE_BYTES_PER_MS;
      this.#allowance = Math.min(this.#allowance + earned, CAPTURE_BURST_BYTES);
      this.#allowedAt = now;
    }
    if (this.#allowance < kept) {
      this.dropped++;
      return false;
    }
    this.#allowance -= kept;
    return true;
  }

  /** A frame that was admitted; its bytes are copied. */
  add(frame: CapturedFrame): void {
    if (!this.#batch.fits(frame.bytes.length)) this.#flush();
    this.#batch.add(frame);
    this.#inBatch++;
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_MS);
  }

  /** Publishes what waits. */
  stop(): void {
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch.take();
    if (!batch) return;
    if (this.publish(batch)) this.captured += this.#inBatch;
    else this.dropped += this.#inBatch;
    this.#inBatch = 0;
  }
}
