const FLUSH_AT = 4096;

/** Gathers the bytes of a serial port into chunks: a message per byte would cost more than the byte. */
export class SerialBuffer {
  private buffer = new Uint8Array(FLUSH_AT);
  private length = 0;

  constructor(private readonly send: (data: Uint8Array<ArrayBuffer>) => void) {}

  push(byte: number): void {
    this.buffer[this.length++] = byte;
    if (this.length === FLUSH_AT) this.flush();
  }

  flush(): void {
    if (this.length === 0) return;
    const data = this.buffer.slice(0, this.length);
    this.length = 0;
    this.send(data);
  }
}
