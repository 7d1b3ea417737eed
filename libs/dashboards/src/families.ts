/** What a service says at `/metrics/families`, and the table of all services' (docs/METRICS.md). */
import { z } from 'zod';

export const metricFamilies = z.array(
  z.object({
    name: z.string(),
    type: z.string(),
    help: z.string(),
    labels: z.array(z.string()),
  }),
);
export type MetricFamily = z.infer<typeof metricFamilies>[number];

export interface DocumentedFamily extends MetricFamily {
  unit: string;
  /** Kinds of services that have it. */
  services: string[];
}

/** Longer ones first. What has none of them is a number of things. */
const units = ['seconds', 'bytes', 'ratio', 'dbm', 'info'];

/** A metric's name ends with its base unit, before `_total` (https://prometheus.io/docs/practices/naming/). */
export function unitOf(name: string): string {
  const last = name
    .replace(/_total$/, '')
    .split('_')
    .at(-1) as string;
  return units.includes(last) ? (last === 'dbm' ? 'dBm' : last === 'info' ? '' : last) : '';
}

/** All families of a cluster, by name. @param said by each service of a kind, for example `palacios` */
export function mergeFamilies(
  said: readonly { service: string; families: readonly MetricFamily[] }[],
): DocumentedFamily[] {
  const merged = new Map<string, DocumentedFamily>();
  for (const { service, families } of said) {
    for (const family of families) {
      const known = merged.get(family.name);
      if (!known) merged.set(family.name, { ...family, unit: unitOf(family.name), services: [service] });
      else if (!known.services.includes(service)) known.services.push(service);
    }
  }
  const all = [...merged.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { services } of all) services.sort();
  return all;
}

/** As rows of a Markdown table. */
export function familyRows(families: readonly DocumentedFamily[]): string[] {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  return families.map(({ name, type, labels, unit, services, help }) =>
    `| ${[`\`${name}\``, type, labels.map(label => `\`${label}\``).join(', '), unit, services.join(', '), cell(help)].join(' | ')} |`.replace(
      / {2,}/g,
      ' ',
    ),
  );
}
