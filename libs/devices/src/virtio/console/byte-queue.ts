/** Bytes on their way to a guest that has no buffer for them yet; bounded. */
export class ByteQueue {
  private chunks: Uint8Array[] = [];
  private held = 0;

  constructor(private readonly capacity: number) {}

  get length(): number {
    return this.held;
  }

  /** False, and nothing taken, if `data` does not fit. */
  push(data: Uint8Array): boolean {
    if (this.held + data.length > this.capacity) return false;
    if (data.length) this.chunks.push(data);
    this.held += data.length;
    return true;
  }

  /** The first bytes, at most `limit`. */
  take(limit: number): Uint8Array {
    const first = this.chunks[0];
    if (!first) return new Uint8Array(0);
    const part = first.subarray(0, limit);
    if (part.length === first.length) this.chunks.shift();
    else this.chunks[0] = first.subarray(part.length);
    this.held -= part.length;
    return part;
  }

  clear(): void {
    this.chunks = [];
    this.held = 0;
  }

  toBytes(): Uint8Array {
    const out = new Uint8Array(this.held);
    let at = 0;
    for (const chunk of this.chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }
}
