import { completeChecksum, gsoTypes, SUPER_FRAME_ETHERNET, virtioNetFlags } from '@v3vee/wire';
import type { PacketDirection } from '@v3vee/wire';
import { BatchWriter } from './batch';
import { nanoseconds } from './clock';
import type { Test } from './filter';
import type { Watcher } from './taps';

/** A batch waits so long for more frames. */
const BATCH_MS = 20;
/**
 * What one capture may put on the bus: more than guests exchange for long, and less than its reader can take. Beyond
 * it frames are dropped, for the reader's sake: a client that NATS finds too slow is cut off.
 */
export const CAPTURE_BYTES_PER_MS = 64 * 1024;
const CAPTURE_BURST_BYTES = 8 << 20;

export interface CaptureOptions {
  filter: Test;
  /** Bytes kept of each frame. */
  snapLength: number;
  /** Answers whether the batch could be sent. */
  publish: (batch: Uint8Array) => boolean;
  /** Milliseconds that never go back. */
  now?: () => number;
}

/**
 * One capture at one tap: filters, cuts, stamps and publishes what it sees.
 *
 * Super-frames are captured as they are, as a host's tcpdump sees them when its card segments. A checksum that was
 * left to the receiver is completed in what is captured, so that it reads as it would on a wire.
 */
export class Capture implements Watcher {
  /** Frames that were published. */
  captured = 0;
  /** Frames that passed the filter and were not. */
  dropped = 0;
  readonly #batch = new BatchWriter();
  #inBatch = 0;
  #timer: NodeJS.Timeout | undefined;
  #allowance = CAPTURE_BURST_BYTES;
  #allowedAt: number;
  readonly #now: () => number;

  constructor(private readonly options: CaptureOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.#allowedAt = this.#now();
  }

  see(frames: readonly Uint8Array[], direction: PacketDirection): void {
    const { filter, snapLength } = this.options;
    const time = nanoseconds();
    const outbound = direction === 'out';
    for (const frame of frames) {
      if (frame.length <= SUPER_FRAME_ETHERNET) continue;
      if (!filter({ bytes: frame, start: SUPER_FRAME_ETHERNET, outbound })) continue;
      const length = frame.length - SUPER_FRAME_ETHERNET;
      const kept = Math.min(length, snapLength);
      if (!this.#allows(kept)) {
        this.dropped++;
        continue;
      }
      if (!this.#batch.fits(kept)) this.#publish();
      const bytes = finished(frame).subarray(SUPER_FRAME_ETHERNET, SUPER_FRAME_ETHERNET + kept);
      this.#batch.add({ time, direction, length, bytes });
      this.#inBatch++;
    }
    if (this.#inBatch > 0) this.#timer ??= setTimeout(() => this.#publish(), BATCH_MS);
  }

  /** Publishes what waits. */
  stop(): void {
    this.#publish();
  }

  #publish(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch.take();
    if (!batch) return;
    if (this.options.publish(batch)) this.captured += this.#inBatch;
    else this.dropped += this.#inBatch;
    this.#inBatch = 0;
  }

  #allows(bytes: number): boolean {
    if (this.#allowance < bytes) {
      const now = this.#now();
      const earned = (now - this.#allowedAt) * CAPTURE_BYTES_PER_MS;
      this.#allowance = Math.min(this.#allowance + earned, CAPTURE_BURST_BYTES);
      this.#allowedAt = now;
      if (this.#allowance < bytes) return false;
    }
    this.#allowance -= bytes;
    return true;
  }
}

/** The super-frame with its checksum in place. */
function finished(frame: Uint8Array): Uint8Array {
  if (((frame[0] as number) & virtioNetFlags.NEEDS_CSUM) === 0) return frame;
  let whole = frame;
  if (frame[1] !== gsoTypes.NONE) {
    // As one long packet, which is what its IP header says it is.
    whole = frame.slice();
    whole[1] = gsoTypes.NONE;
  }
  const complete = completeChecksum(whole);
  return complete === 'malformed' ? frame : complete;
}
