/** A frame, or a query without one, that waits for its route to be known. */
export interface Held {
  readonly vni: number;
  /** Holds the destination address at `offset`. */
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly group: boolean;
  /** Host that asks. */
  readonly from: string;
  readonly frame: Uint8Array | undefined;
  /** Hosts that a group frame has been sent to. */
  readonly sentTo: Set<string>;
  /** Time at which waiting is over. */
  readonly until: number;
}

/** A bounded queue in order of arrival: when it is full the oldest gives way. */
export class HeldFrames {
  private held: Held[] = [];
  private bytes = 0;

  constructor(
    private readonly limits: { readonly frames: number; readonly bytes: number },
    private readonly onOverflow: (held: Held) => void,
  ) {}

  get size(): number {
    return this.held.length;
  }

  /** Keeps a copy: the frame is a view into a whole batch, which would stay in memory for its sake. */
  add(held: Held): void {
    const bytes = held.bytes.slice();
    this.held.push({ ...held, bytes, frame: held.frame && bytes });
    this.bytes += sizeOf(held);
    while (this.held.length > this.limits.frames || this.bytes > this.limits.bytes) {
      const oldest = this.held.shift() as Held;
      this.bytes -= sizeOf(oldest);
      this.onOverflow(oldest);
    }
  }

  /** Takes out, in order, what `done` answers true for. */
  release(done: (held: Held) => boolean): void {
    this.held = this.held.filter(held => {
      if (!done(held)) return true;
      this.bytes -= sizeOf(held);
      return false;
    });
  }
}

function sizeOf({ frame }: Held): number {
  return frame?.length ?? 0;
}
