import type { Registry } from 'prom-client';

export interface MetricFamily {
  name: string;
  type: string;
  help: string;
  /** Beside those that all of a service's metrics have, which are `service` and, of a host's, `host`. */
  labels: string[];
}

/** All that a registry has, in order of names. */
export function describeMetrics(registry: Registry): MetricFamily[] {
  return registry
    .getMetricsAsArray()
    .map(({ name, type, help, ...rest }) => {
      const { labelNames = [] } = rest as { labelNames?: string[] };
      return { name, type: String(type), help, labels: [...labelNames].sort() };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
