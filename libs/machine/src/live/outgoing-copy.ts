import { V3Error } from '@v3vee/contracts';
import type { MachineHead } from '../state/machine-state';
import type { PageBatch, ScanSlice } from '../worker/live/pages';

/** Pages that are compared in one go: some milliseconds in which the guest does not run. */
const SLICE_PAGES = 4_096;
/** Pages that one slice may find: 1 MiB. */
const SLICE_FOUND = 256;
/** Batches outside of the guest's thread that the other side does not have yet. */
const WINDOW = 16;

/** Resolves when the other side has the batch, whose arrays it may take over; several may be under way. */
export type Deliver = (batch: PageBatch) => Promise<void>;

export interface RoundResult {
  /** That had changed and were sent. */
  pages: number;
  /** Of the guest's thread, spent on looking for them. */
  scanMs: number;
}

/** What a copy asks of the guest's thread. */
export interface CopySource {
  scan(from: number, count: number, limit: number): Promise<ScanSlice & { scanMs: number }>;
  head(): Promise<MachineHead>;
  stop(): Promise<void>;
}

/** The sending end of a live copy of a machine. */
export interface OutgoingCopy {
  /**
   * Sends the pages that the guest, which may run, has changed since they were last sent.
   * @throws what `deliver` throws, or the signal's reason: the copy must then begin anew
   */
  round(deliver: Deliver, signal?: AbortSignal): Promise<RoundResult>;
  /**
   * The rest, of a guest that is paused: it stays as it is, and may run again.
   * @throws V3Error VM_WRONG_STATE when it runs; what `deliver` throws
   */
  finish(deliver: Deliver): Promise<{ head: MachineHead; pages: number }>;
  /** Frees what the copy needed; the guest goes on. */
  stop(): Promise<void>;
}

/**
 * Pre-copy (Clark et al., NSDI 2005). The guest's thread looks through RAM in slices, between which the guest runs.
 */
export class PreCopy implements OutgoingCopy {
  private readonly underWay = new Set<Promise<void>>();
  private failure: unknown;

  constructor(private readonly source: CopySource) {}

  async round(deliver: Deliver, signal?: AbortSignal): Promise<RoundResult> {
    const result: RoundResult = { pages: 0, scanMs: 0 };
    let from: number | null = 0;
    try {
      while (from !== null) {
        signal?.throwIfAborted();
        const slice: Awaited<ReturnType<CopySource['scan']>> = await this.source.scan(
          from,
          SLICE_PAGES,
          SLICE_FOUND,
        );
        result.scanMs += slice.scanMs;
        for (const batch of slice.batches) {
          result.pages += batch.numbers.length;
          await this.send(batch, deliver);
        }
        from = slice.next;
      }
      return result;
    } finally {
      await Promise.all(this.underWay);
      this.throwFailure();
    }
  }

  async finish(deliver: Deliver): Promise<{ head: MachineHead; pages: number }> {
    const head = await this.source.head();
    const { pages } = await this.round(deliver);
    return { head, pages };
  }

  async stop(): Promise<void> {
    await this.source.stop().catch((thrown: unknown) => {
      // It ended: then there is nothing to free.
      if (V3Error.from(thrown).code !== 'GUEST_FAILED') throw thrown;
    });
  }

  private async send(batch: PageBatch, deliver: Deliver): Promise<void> {
    while (this.underWay.size >= WINDOW) await Promise.race(this.underWay);
    this.throwFailure();
    const sent: Promise<void> = deliver(batch)
      .catch((thrown: unknown) => void (this.failure ??= thrown))
      .finally(() => this.underWay.delete(sent));
    this.underWay.add(sent);
  }

  private throwFailure(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}
