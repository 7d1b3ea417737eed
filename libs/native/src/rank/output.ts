import { OutputLog } from '../output-log';
import type { OutputStream } from './protocol';

const CHUNK = 8_192;
const HOLD_MS = 50;

/** Collects what a rank prints, so that a program that prints byte by byte does not send a message for each. */
export class OutputBuffer {
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private stream: OutputStream = 'stdout';
  private total = 0;
  private sent = 0;

  constructor(
    private readonly limit: number,
    private readonly send: (stream: OutputStream, data: Uint8Array) => void,
  ) {}

  /** @throws Error beyond the limit */
  write(stream: OutputStream, data: Uint8Array): void {
    this.total += data.length;
    if (this.total > this.limit) throw new Error(`it prints more than ${this.limit} bytes`);
    if (stream !== this.stream) {
      this.total += OutputLog.PIECE_BYTES;
      this.flush();
    }
    this.stream = stream;
    this.pending.push(data);
    this.pendingBytes += data.length;
    if (this.pendingBytes >= CHUNK) this.flush();
    else this.flushOld(performance.now());
  }

  /** @param now ms */
  flushOld(now: number): void {
    if (this.pendingBytes > 0 && now - this.sent > HOLD_MS) this.flush();
  }

  flush(): void {
    this.sent = performance.now();
    if (this.pendingBytes === 0) return;
    this.send(this.stream, new Uint8Array(Buffer.concat(this.pending)));
    this.pending = [];
    this.pendingBytes = 0;
  }
}
