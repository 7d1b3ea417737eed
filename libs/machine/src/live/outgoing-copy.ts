import { V3Error } from '@v3vee/contracts';
import type { MachineHead } from '../state/machine-state';
import { BATCH_PAGES, type PageBatch, type ScanSlice } from '../worker/live/pages';

/** Pages that are compared in one go: some milliseconds in which the guest does not run. */
const SLICE_PAGES = 4_096;
/** Batches outside of the guest's thread that the other side does not have yet. */
const WINDOW = 16;
/** A slice is asked for when so many more fit, so that it is not over after a few pages. */
const ROOM = 4;
/** Slices that are asked for at a time of a guest that stands still: its thread looks while others are sent. */
const AHEAD = 4;

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
  readonly memoryPages: number;
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
   * @param deliverHead gets all that the machine is but its memory, before most of the pages are found
   * @returns how many pages were sent
   * @throws as {@link round}; V3Error VM_WRONG_STATE when the guest runs
   */
  finish(deliver: Deliver, deliverHead: (head: MachineHead) => Promise<void>): Promise<number>;
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
    const all = { from: 0, to: this.source.memoryPages, still: false };
    return this.alone(async unlessAborted => {
      const result = await this.look(all, deliver, unlessAborted);
      await unlessAborted(this.settled());
      return result;
    }, signal);
  }

  finish(deliver: Deliver, deliverHead: (head: MachineHead) => Promise<void>): Promise<number> {
    return this.alone(async () => {
      // First: a card that is asked for its state may finish what it is doing in RAM.
      const delivered = deliverHead(await this.source.head());
      delivered.catch(() => undefined);
      const pages = await this.lookAtAll(deliver);
      await delivered;
      await this.settled();
      return pages;
    });
  }

  async stop(): Promise<void> {
    await this.source.stop().catch((thrown: unknown) => {
      // It ended: then there is nothing to free.
      if (V3Error.from(thrown).code !== 'GUEST_FAILED') throw thrown;
    });
  }

  private async look(
    { from: begin, to, still }: { from: number; to: number; still: boolean },
    deliver: Deliver,
    unlessAborted: Guard,
  ): Promise<RoundResult> {
    const result: RoundResult = { pages: 0, scanMs: 0 };
    for (let from: number | null = begin; from !== null && from < to;) {
      await unlessAborted(this.room());
      const limit = (WINDOW - this.underWay.size) * BATCH_PAGES;
      const slice: ScanSlice & { scanMs: number } = await unlessAborted(
        this.scan({ from, count: Math.min(SLICE_PAGES, to - from), limit, still }),
      );
      result.scanMs += slice.scanMs;
      result.pages += this.send(slice, deliver);
      from = slice.next;
    }
    return result;
  }

  /** Of a guest that stands still: the slices need not wait for each other. @returns how many pages were sent */
  private async lookAtAll(deliver: Deliver): Promise<number> {
    const asked: { to: number; slice: Promise<ScanSlice> }[] = [];
    let pages = 0;
    for (let from = 0; from < this.source.memoryPages || asked.length > 0;) {
      if (from < this.source.memoryPages && asked.length < AHEAD) {
        const to = Math.min(from + SLICE_PAGES, this.source.memoryPages);
        const limit = (WINDOW / AHEAD) * BATCH_PAGES;
        const slice = this.scan({ from, count: to - from, limit, still: true });
        // One before it may fail first.
        slice.catch(() => undefined);
        asked.push({ to, slice });
        from = to;
        continue;
      }
      const { to, slice } = asked.shift()!;
      const { next, ...found } = await slice;
      pages += this.send(found, deliver);
      const rest = { from: next ?? to, to, still: true };
      pages += (await this.look(rest, deliver, promise => promise)).pages;
      await this.room();
    }
    return pages;
  }

  private scan(request: ScanRequest): Promise<ScanSlice & { scanMs: number }> {
    this.owes = true;
    return this.source.scan(request);
  }

  private async room(): Promise<void> {
    while (WINDOW - this.underWay.size < ROOM) await Promise.race(this.underWay);
  }

  /** The other side has all that was sent. */
  private async settled(): Promise<void> {
    await Promise.all(this.underWay);
    this.owes = false;
  }

  /** A batch that fails stays, and whoever waits for room is told. @returns how many pages that are */
  private send({ batches }: Pick<ScanSlice, 'batches'>, deliver: Deliver): number {
    let pages = 0;
    for (const batch of batches) {
      pages += batch.numbers.length;
      const sent: Promise<void> = (async () => deliver(batch))().then(() => void this.underWay.delete(sent));
      sent.catch(() => undefined);
      this.underWay.add(sent);
    }
    return pages;
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
