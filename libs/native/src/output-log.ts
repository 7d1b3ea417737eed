import type { OutputStream } from './rank/protocol';

export interface OutputPiece {
  rank: number;
  stream: OutputStream;
  data: Uint8Array;
}

/** What ranks printed, in the order in which it came; bounded, in pieces too. */
export class OutputLog {
  /** What keeping a piece costs, as bytes of output. */
  static readonly PIECE_BYTES = 64;
  private readonly pieces: OutputPiece[] = [];
  private waiting: (() => void)[] = [];
  private total = 0;

  constructor(private readonly limit: number) {}

  get bytes(): number {
    return this.total;
  }
  get length(): number {
    return this.pieces.length;
  }

  piece(index: number): OutputPiece {
    return this.pieces[index] as OutputPiece;
  }

  /** @returns whether there was room; what there was not is not kept */
  add({ data, ...of }: OutputPiece): boolean {
    const room = this.limit - this.total - this.pieces.length * OutputLog.PIECE_BYTES;
    const kept = data.subarray(0, Math.max(room, 0));
    if (kept.length > 0) {
      this.pieces.push({ ...of, data: kept });
      this.total += kept.length;
      for (const wake of this.waiting.splice(0)) wake();
    }
    return kept.length === data.length;
  }

  /** Until it has more than so many pieces. */
  async longerThan(length: number): Promise<void> {
    while (this.pieces.length <= length) await new Promise<void>(wake => this.waiting.push(wake));
  }
}
