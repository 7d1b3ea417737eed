/** What may wait to be drawn, bytes: more than a screen and its scrollback hold. */
const MOST_WAITING = 512 * 1024;

export interface Sink {
  /** Draws, and says when it has. */
  write(data: Uint8Array | string, done: () => void): void;
}

/**
 * A guest can write faster than a browser draws, and a WebSocket cannot be told to wait: what would pile up is left out,
 * and it is said how much.
 */
export class BoundedWriter {
  private waiting = 0;
  private leftOut = 0;

  constructor(
    private readonly sink: Sink,
    private readonly most = MOST_WAITING,
  ) {}

  write(data: Uint8Array): void {
    if (this.waiting + data.length > this.most) {
      this.leftOut += data.length;
      return;
    }
    if (this.leftOut > 0) {
      this.put(`\r\n\x1b[7m ${this.leftOut} bytes of output left out \x1b[0m\r\n`, 0);
      this.leftOut = 0;
    }
    this.put(data, data.length);
  }

  private put(data: Uint8Array | string, length: number): void {
    this.waiting += length;
    this.sink.write(data, () => (this.waiting -= length));
  }
}
