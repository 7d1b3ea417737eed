/** Frames that wait for receive buffers: first in, first out, bounded in frames and bytes. */
export class FrameBacklog {
  private frames: Uint8Array[] = [];
  private start = 0;
  private held = 0;

  constructor(
    private readonly maxFrames: number,
    private readonly maxBytes: number,
  ) {}

  get length(): number {
    return this.frames.length - this.start;
  }

  get bytes(): number {
    return this.held;
  }

  /** False if there is no room: the frame is to be dropped and counted. */
  push(frame: Uint8Array): boolean {
    if (this.length >= this.maxFrames || this.held + frame.length > this.maxBytes) return false;
    this.frames.push(frame);
    this.held += frame.length;
    return true;
  }

  peek(): Uint8Array | undefined {
    return this.frames[this.start];
  }

  shift(): void {
    this.held -= this.frames[this.start]!.length;
    this.frames[this.start++] = EMPTY;
    if (this.start === this.frames.length) {
      this.frames = [];
      this.start = 0;
    } else if (this.start > 1024) {
      this.frames = this.frames.slice(this.start);
      this.start = 0;
    }
  }

  clear(): void {
    this.frames = [];
    this.start = this.held = 0;
  }

  toArray(): Uint8Array[] {
    return this.frames.slice(this.start);
  }
}

const EMPTY = new Uint8Array(0);
