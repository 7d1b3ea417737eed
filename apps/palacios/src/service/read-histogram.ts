import type { Histogram, LabelValues, Registry } from 'prom-client';

export interface ReadHistogramOptions<L extends string> {
  name: string;
  help: string;
  labelNames: readonly L[];
  registers: readonly Registry[];
  /** Called at each scrape, to `reset` and `put`. */
  collect: () => Promise<void>;
}

/** By itself; what Prometheus gets is cumulated. */
export interface ReadBucket {
  /** Infinity: the last one. */
  upTo: number;
  count: number;
}

/** A histogram that was counted elsewhere and is only read here; prom-client's own takes observations one by one. */
export class ReadHistogram<L extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly L[];
  readonly type = 'histogram';
  #values: { metricName: string; labels: LabelValues<string>; value: number }[] = [];

  constructor(private readonly options: ReadHistogramOptions<L>) {
    const { name, help, labelNames, registers } = options;
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    // All that a registry asks of a metric is its name and `get`.
    for (const registry of registers) registry.registerMetric(this as unknown as Histogram<L>);
  }

  async get() {
    await this.options.collect();
    const { name, help, type } = this;
    return { name, help, type, aggregator: 'sum', values: this.#values };
  }

  reset(): void {
    this.#values = [];
  }

  /** @param sum of all that was observed */
  put(labels: Readonly<Record<L, string>>, buckets: readonly ReadBucket[], sum: number): void {
    const put = (suffix: string, value: number, le?: string) =>
      this.#values.push({
        metricName: `${this.name}_${suffix}`,
        labels: le === undefined ? labels : { ...labels, le },
        value,
      });
    let cumulated = 0;
    for (const { upTo, count } of buckets) {
      cumulated += count;
      put('bucket', cumulated, upTo === Infinity ? '+Inf' : String(upTo));
    }
    put('sum', sum);
    put('count', cumulated);
  }
}
