import type { Overview, OverviewPart } from '@v3vee/contracts';
import { ApiError } from './problem';

/** What is known of the cluster. Parts that nobody looks at grow old in it. */
export interface Known extends Partial<Overview> {
  missing: Overview['missing'];
}

export interface Sight {
  known: Known;
  /** The answer before, for what changed meanwhile. */
  before: Known;
  /** When the latest answer came, ms since 1970; 0: none yet. */
  heardAt: number;
  /** Why there is none now. */
  error: ApiError | undefined;
}

interface Wish {
  parts: readonly OverviewPart[];
  vm?: string;
}

export interface OverviewSource {
  ask(parts: OverviewPart[], vm: string | undefined, signal: AbortSignal): Promise<Overview>;
  isHidden(): boolean;
}

const PERIOD_MS = 1_000;
const nothing: Sight = { known: { missing: [] }, before: { missing: [] }, heardAt: 0, error: undefined };

/**
 * What the page shows of the cluster: one request a second, for all that is on the screen together, and none while
 * nobody looks.
 */
export class OverviewStore {
  private sight = nothing;
  private readonly wishes = new Set<Wish>();
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;

  constructor(
    private readonly source: OverviewSource,
    private readonly periodMs = PERIOD_MS,
  ) {}

  readonly getSight = (): Sight => this.sight;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** From now on these are asked for too. @returns ends that */
  want(wish: Wish): () => void {
    this.wishes.add(wish);
    this.refresh();
    return () => {
      this.wishes.delete(wish);
      if (this.wishes.size === 0) this.pause();
    };
  }

  /** Asks now: something was done, or the page is seen again. */
  refresh(): void {
    this.pause();
    this.timer = setTimeout(() => void this.turn(), 0);
  }

  /** Forgets all: another session may not see it. */
  clear(): void {
    this.pause();
    this.show(nothing);
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = undefined;
  }

  private async turn(): Promise<void> {
    const parts = [...new Set([...this.wishes].flatMap(wish => wish.parts))];
    if (parts.length === 0) return;
    if (this.source.isHidden()) return this.later();
    const vm = [...this.wishes].find(wish => wish.vm !== undefined)?.vm;
    const asking = (this.asking = new AbortController());
    try {
      const answer = await this.source.ask(parts, vm, asking.signal);
      if (asking.signal.aborted) return;
      const { known } = this.sight;
      this.show({
        known: { ...known, ...answer },
        before: known,
        heardAt: Date.now(),
        error: undefined,
      });
    } catch (thrown) {
      if (asking.signal.aborted) return;
      this.show({ ...this.sight, error: ApiError.from(thrown) });
    }
    this.later();
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.turn(), this.periodMs);
  }

  private show(sight: Sight): void {
    this.sight = sight;
    for (const listener of this.listeners) listener();
  }
}
