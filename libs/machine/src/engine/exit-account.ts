import { exitKinds, type ExitKindName } from '@v3vee/devices';

/** Of the histogram of an exit's cost, in µs; what takes longer is in one more. */
export const COST_BOUNDS_US = [0.5, 1, 2, 5, 10, 20, 50, 100, 500, 1000] as const;

export const Exit = Object.fromEntries(exitKinds.map((kind, index) => [kind, index])) as Record<
  ExitKindName,
  number
>;

export interface ExitTally {
  count: number;
  /** Of which the time was taken. */
  sampled: number;
  /** Of those that were sampled, µs. A µs is 1,000 cycles of the guest's time stamp counter. */
  sampledMicros: number;
  /** Sampled ones by cost: up to each of {@link COST_BOUNDS_US}, and beyond. */
  histogram: number[];
}

/** All of the first ones, then one of so many: taking the time costs as much as a simple exit. */
const ALL_OF_THE_FIRST = 64;
const ONE_OF = 16;

type Watch = (kind: ExitKindName) => void;

/** Counts exits by kind, and samples what handling one costs: the unit of account of a VMM (Palacios's telemetry). */
export class ExitAccount {
  private readonly counts = new Float64Array(exitKinds.length);
  private readonly sampled = new Float64Array(exitKinds.length);
  private readonly micros = new Float64Array(exitKinds.length);
  private readonly buckets = exitKinds.map(() => new Float64Array(COST_BOUNDS_US.length + 1));
  /** By kind; undefined: nobody watches. */
  private readonly watches: (Watch[] | undefined)[] = exitKinds.map(() => undefined);

  /** @returns what {@link end} must be told, 0: this one is not sampled */
  begin(kind: number): number {
    const count = ++this.counts[kind]!;
    const watches = this.watches[kind];
    if (watches !== undefined) for (const watch of watches) watch(exitKinds[kind]!);
    return count <= ALL_OF_THE_FIRST || count % ONE_OF === 0 ? performance.now() : 0;
  }

  end(kind: number, began: number): void {
    if (began === 0) return;
    const micros = (performance.now() - began) * 1000;
    this.sampled[kind]!++;
    this.micros[kind]! += micros;
    let bucket = 0;
    while (bucket < COST_BOUNDS_US.length && micros > COST_BOUNDS_US[bucket]!) bucket++;
    this.buckets[kind]![bucket]!++;
  }

  /** @returns a function that ends it */
  watch(kind: ExitKindName, watch: Watch): () => void {
    const index = Exit[kind];
    this.watches[index] = [...(this.watches[index] ?? []), watch];
    return () => {
      const left = this.watches[index]?.filter(each => each !== watch);
      this.watches[index] = left?.length ? left : undefined;
    };
  }

  count(kind: ExitKindName): number {
    return this.counts[Exit[kind]]!;
  }

  tallies(): Record<ExitKindName, ExitTally> {
    return Object.fromEntries(
      exitKinds.map((kind, index) => [
        kind,
        {
          count: this.counts[index]!,
          sampled: this.sampled[index]!,
          sampledMicros: this.micros[index]!,
          histogram: [...this.buckets[index]!],
        },
      ]),
    ) as Record<ExitKindName, ExitTally>;
  }
}
