import { stringify } from 'yaml';

export interface PrometheusConfigOptions {
  /** The file of targets that the supervisor writes. */
  targets: string;
  /** Recording and alert rules; may have a `*`. */
  rules: string;
  /** Between two scrapes, and two evaluations of rules, s. */
  intervalSeconds: number;
}

/** A configuration of Prometheus for the cluster of a checkout. */
export function prometheusConfig({ targets, rules, intervalSeconds }: PrometheusConfigOptions): string {
  const interval = `${intervalSeconds}s`;
  return stringify({
    global: { scrape_interval: interval, evaluation_interval: interval },
    rule_files: [rules],
    scrape_configs: [
      {
        job_name: 'v3vee',
        // Services say themselves which they are, and of which host.
        honor_labels: true,
        file_sd_configs: [{ files: [targets], refresh_interval: '5s' }],
      },
    ],
  });
}
