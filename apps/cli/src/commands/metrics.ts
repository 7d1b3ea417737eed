import { readClusterFile } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import { familyRows, mergeFamilies, metricFamilies, type DocumentedFamily } from '@v3vee/dashboards';
import type { Command } from 'commander';
import { examples, print, printList, withOutput, type OutputFormat } from '../output';
import { paths } from '../session';
import type { Column } from '../terminal/table';

const columns: Column<DocumentedFamily>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'UNIT', value: ({ unit }) => unit },
  { title: 'LABELS', value: ({ labels }) => labels.join(',') },
  { title: 'SERVICES', value: ({ services }) => services.join(',') },
  { title: 'HELP', value: ({ help }) => help, wide: true },
];

interface MetricsOptions {
  output: OutputFormat;
  markdown?: boolean;
}

export function metricsCommand(program: Command): void {
  withOutput(program.command('metrics'))
    .description('list the metrics that services of the running cluster have at /metrics')
    .option('--markdown', 'as rows of docs/METRICS.md')
    .addHelpText('after', examples('v3 metrics', 'v3 metrics -o wide', 'v3 metrics -o json'))
    .action(async ({ output, markdown }: MetricsOptions) => {
      const families = await clusterFamilies(paths().state);
      if (markdown) print(familyRows(families).join('\n'));
      else printList(families, columns, output, 'There are no metrics.');
    });
}

/** Of all services; hosts' kittens and palacioses have the same. @throws V3Error NOT_RUNNING, SERVICE_UNAVAILABLE */
async function clusterFamilies(state: string): Promise<DocumentedFamily[]> {
  const cluster = await readClusterFile(state);
  if (!cluster) throw new V3Error('NOT_RUNNING', 'start it with "v3 up" (or "v3 up --detach")');
  const services = Object.entries(cluster.services).filter(([, { url }]) => url?.startsWith('http'));
  return mergeFamilies(
    await Promise.all(
      services.map(async ([name, { url }]) => ({
        service: /^(kitten|palacios)-/.exec(name)?.[1] ?? name,
        families: await familiesOf(name, url as string),
      })),
    ),
  );
}

async function familiesOf(name: string, url: string) {
  try {
    const response = await fetch(`${url}/metrics/families`, { signal: AbortSignal.timeout(10_000) });
    return metricFamilies.parse(await response.json());
  } catch (cause) {
    throw new V3Error('SERVICE_UNAVAILABLE', `${name} at ${url} does not tell its metrics`, { cause });
  }
}
