import { V3Error } from '@v3vee/contracts';
import { packetDirections, type PacketDirection } from '@v3vee/wire';

/** A captured frame on its way from where it was seen to who asked for it. */
export interface CapturedFrame {
  /** Nanoseconds since 1970. */
  time: bigint;
  direction: PacketDirection;
  /** Bytes of the Ethernet frame; `bytes` may be fewer. */
  length: number;
  bytes: Uint8Array;
}

const HEAD = 20;
/** Several of the largest frames, and a quarter of what one NATS message may carry. */
const BATCH_BYTES = 256 * 1024;

/** Writes batches as `captureCalls` describes them. */
export class BatchWriter {
  readonly #buffer = new Uint8Array(BATCH_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #used = 0;

  /** Whether a frame of which so many bytes are kept can be added. */
  fits(kept: number): boolean {
    return this.#used + HEAD + kept <= BATCH_BYTES;
  }

  add({ time, direction, length, bytes }: CapturedFrame): void {
    const at = this.#used;
    this.#view.setBigUint64(at, time, true);
    this.#view.setUint32(at + 8, packetDirections[direction], true);
    this.#view.setUint32(at + 12, length, true);
    this.#view.setUint32(at + 16, bytes.length, true);
    this.#buffer.set(bytes, at + HEAD);
    this.#used += HEAD + bytes.length;
  }

  /** The batch so far; undefined when it is empty. */
  take(): Uint8Array | undefined {
    if (this.#used === 0) return undefined;
    const batch = this.#buffer.slice(0, this.#used);
    this.#used = 0;
    return batch;
  }
}

/** The frames are views of the batch. @throws V3Error INVALID_REQUEST with the offset, where it is none */
export function decodeBatch(batch: Uint8Array): CapturedFrame[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const frames: CapturedFrame[] = [];
  let at = 0;
  while (at < batch.length) {
    const kept = at + HEAD <= batch.length ? view.getUint32(at + 16, true) : Infinity;
    if (at + HEAD + kept > batch.length) {
      throw new V3Error('INVALID_REQUEST', `a batch of captured frames is cut short at offset ${at}`);
    }
    frames.push({
      time: view.getBigUint64(at, true),
      direction: view.getUint32(at + 8, true) === packetDirections.out ? 'out' : 'in',
      length: view.getUint32(at + 12, true),
      bytes: batch.subarray(at + HEAD, at + HEAD + kept),
    });
    at += HEAD + kept;
  }
  return frames;
}
