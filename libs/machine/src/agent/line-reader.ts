/** Cuts a byte stream into lines; a line that grows too long is discarded up to its end. */
export class LineReader {
  private parts: Buffer[] = [];
  private length = 0;
  private discarding = false;

  constructor(
    private readonly maxLength: number,
    private readonly line: (line: Buffer) => void,
    private readonly tooLong: () => void = () => {},
  ) {}

  push(data: Uint8Array): void {
    let rest = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.append(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      const line = Buffer.concat(this.parts);
      const discarded = this.discarding;
      this.reset();
      if (!discarded) this.line(line);
    }
    this.append(rest);
  }

  reset(): void {
    this.parts = [];
    this.length = 0;
    this.discarding = false;
  }

  private append(data: Buffer): void {
    if (this.discarding || data.length === 0) return;
    this.length += data.length;
    if (this.length > this.maxLength) {
      this.parts = [];
      this.discarding = true;
      this.tooLong();
    } else {
      this.parts.push(data);
    }
  }
}
