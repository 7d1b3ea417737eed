import { V3Error } from '@v3vee/contracts';
import type { MachineHead } from '../state/machine-state';
import { BATCH_PAGES, type PageBatch, type ScanSlice } from '../worker/live/pages';

/** Pages that are compared in one go: some milliseconds in which the guest does not run. */
const SLICE_PAGES = 4_096;
/** Batches outside of the guest's thread that the other side does not have yet. */
const WINDOW = 16;
/** A slice is asked for when so many more fit, so that it is not over after a few pages. */
const ROOM = 4;

/** Resolves when the other side has the batch, whose arrays it may take over; 16 may be under way. */
export type Deliver = (batch: PageBatch) => Promise<void>;

export interface RoundResult {
  /** That had changed and were sent. */
  pages: number;
  /** Of the guest's thread, spent on looking for them. */
  scanMs: number;
}

/** `limit` pages that differ are found at most; `still`: only if the guest stands still. */
export interface ScanRequest {
  from: number;
  count: number;
  limit: number;
  still: boolean;
}

/** What a copy asks of the guest's thread. */
export interface CopySource {
  scan(request: ScanRequest): Promise<ScanSlice & { scanMs: number }>;
  head(): Promise<MachineHead>;
  stop(): Promise<void>;
}

/**
 * The sending end of a live copy of a machine. One of `round` and `finish` at a time (VM_BUSY). After one that failed
 * while pages were on their way, or was called off, the other side may lack some that count as sent: the copy can only
 * be stopped then (VM_WRONG_STATE).
 */
export interface OutgoingCopy {
  /**
   * Sends the pages that the guest, which may run, has changed since they were last sent. Resolves when the other side has
   * them all.
   * @throws what `deliver` throws, the signal's reason, V3Error VM_WRONG_STATE, VM_BUSY, GUEST_FAILED
   */
  round(deliver: Deliver, signal?: AbortSignal): Promise<RoundResult>;
  /**
   * The rest, of a guest that is paused: it stays as it is, and may run again.
   * @throws as {@link round}; V3Error VM_WRONG_STATE when the guest runs
   */
  finish(deliver: Deliver): Promise<{ head: MachineHead; pages: number }>;
  /** Frees what the copy needed; the guest goes on. */
  stop(): Promise<void>;
}

/**
 * Pre-copy (Clark et al., NSDI 2005). The guest's thread looks through RAM in slices, between which the guest runs. What
 * the other side can't take in is not read: the next slice finds as many pages as fit into the window.
 */
export class PreCopy implements OutgoingCopy {
  private readonly underWay = new Set<Promise<void>>();
  private busy = false;
  /** Pages were read, and the other side does not have them all. */
  private owes = false;

  constructor(private readonly source: CopySource) {}

  round(deliver: Deliver, signal?: AbortSignal): Promise<RoundResult> {
    return this.alone(unlessAborted => this.look(deliver, false, unlessAborted), signal);
  }

  finish(deliver: Deliver): Promise<{ head: MachineHead; pages: number }> {
    return this.alone(async unlessAborted => {
      // First: a card that is asked for its state may finish what it is doing in RAM.
      const head = await this.source.head();
      const { pages } = await this.look(deliver, true, unlessAborted);
      return { head, pages };
    });
  }

  async stop(): Promise<void> {
    await this.source.stop().catch((thrown: unknown) => {
      // It ended: then there is nothing to free.
      if (V3Error.from(thrown).code !== 'GUEST_FAILED') throw thrown;
    });
  }

  private async look(deliver: Deliver, still: boolean, unlessAborted: Guard): Promise<RoundResult> {
    const result: RoundResult = { pages: 0, scanMs: 0 };
    for (let from: number | null = 0; from !== null;) {
      while (WINDOW - this.underWay.size < ROOM) await unlessAborted(Promise.race(this.underWay));
      const limit = (WINDOW - this.underWay.size) * BATCH_PAGES;
      const request: ScanRequest = { from, count: SLICE_PAGES, limit, still };
      this.owes = true;
      const slice = await unlessAborted(this.source.scan(request));
      result.scanMs += slice.scanMs;
      for (const batch of slice.batches) {
        result.pages += batch.numbers.length;
        this.send(batch, deliver);
      }
      from = slice.next;
    }
    await unlessAborted(Promise.all(this.underWay));
    this.owes = false;
    return result;
  }

  /** One that fails stays, and whoever waits for room is told. */
  private send(batch: PageBatch, deliver: Deliver): void {
    const sent: Promise<void> = (async () => deliver(batch))().then(() => void this.underWay.delete(sent));
    sent.catch(() => undefined);
    this.underWay.add(sent);
  }

  private async alone<T>(work: (unlessAborted: Guard) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.busy) throw new V3Error('VM_BUSY', 'the copy is sending pages already');
    if (this.owes) {
      throw new V3Error('VM_WRONG_STATE', 'pages of this copy were lost on their way: begin another one');
    }
    signal?.throwIfAborted();
    const { guard, dispose } = guardedBy(signal);
    this.busy = true;
    try {
      return await work(guard);
    } finally {
      this.busy = false;
      dispose();
    }
  }
}

/** What a promise resolves to, unless the signal comes first. */
type Guard = <T>(promise: Promise<T>) => Promise<T>;

function guardedBy(signal: AbortSignal | undefined): { guard: Guard; dispose: () => void } {
  if (!signal) return { guard: promise => promise, dispose: () => undefined };
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason as Error)));
  aborted.catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  return {
    guard: promise => Promise.race([aborted, promise]),
    dispose: () => signal.removeEventListener('abort', abort),
  };
}
