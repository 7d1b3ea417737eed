import { MAX_ETHERNET_BYTES } from '@v3vee/wire';

const LENGTH_BYTES = 4;

/**
 * Takes frames out of a TCP stream: `u32 length, big endian · frame`, over and over. Holds at most one frame that has
 * not come whole.
 */
export class FrameStream {
  private inFrame = false;
  /** Bytes of the length, or of the frame, that comes next; those that are there already stand in `partial`. */
  private needed = LENGTH_BYTES;
  private partial: Uint8Array | undefined;
  private filled = 0;

  /** `onFrame` gets views that are good until it returns. */
  constructor(private readonly onFrame: (frame: Uint8Array) => void) {}

  /** What is wrong with the stream, in words: a length that no frame has, so that its end cannot be found. */
  push(chunk: Uint8Array): string | undefined {
    for (let at = 0; at < chunk.length;) {
      const here = Math.min(this.needed - this.filled, chunk.length - at);
      const whole = this.collect(chunk.subarray(at, at + here));
      at += here;
      if (!whole) return undefined;
      if (this.inFrame) {
        this.onFrame(whole);
        this.expect(false, LENGTH_BYTES);
        continue;
      }
      const length = new DataView(whole.buffer, whole.byteOffset).getUint32(0);
      if (length > MAX_ETHERNET_BYTES) {
        return `a frame of ${length} bytes is announced, one has at most ${MAX_ETHERNET_BYTES}`;
      }
      // An empty frame is a runt like others, but there are no bytes to wait for.
      if (length === 0) this.onFrame(whole.subarray(0, 0));
      this.expect(length > 0, length || LENGTH_BYTES);
    }
    return undefined;
  }

  /** What was needed, once it is whole; the part itself when that is all of it. */
  private collect(part: Uint8Array): Uint8Array | undefined {
    if (part.length === this.needed) return part;
    this.partial ??= new Uint8Array(this.needed);
    this.partial.set(part, this.filled);
    this.filled += part.length;
    return this.filled === this.needed ? this.partial : undefined;
  }

  private expect(inFrame: boolean, needed: number): void {
    this.inFrame = inFrame;
    this.needed = needed;
    this.partial = undefined;
    this.filled = 0;
  }
}

/** The lengths that go in front of frames, each as a view of 4 bytes. */
export function lengthPrefixes(frames: readonly Uint8Array[]): Uint8Array[] {
  const all = Buffer.allocUnsafe(LENGTH_BYTES * frames.length);
  return frames.map((frame, i) => {
    all.writeUInt32BE(frame.length, i * LENGTH_BYTES);
    return all.subarray(i * LENGTH_BYTES, (i + 1) * LENGTH_BYTES);
  });
}
