import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureStateFolder } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import { prometheusConfig } from '@v3vee/dashboards';
import { ensurePrometheus, startPrometheus, type Daemon } from '@v3vee/setup';
import type { Command } from 'commander';
import { wholeNumber } from '../options';
import { examples, print } from '../output';
import { control, interrupted, paths } from '../session';
import { createTaskProgress } from '../terminal/progress';

interface PrometheusOptions {
  listen: string;
  port: number;
  interval: number;
  retention: string;
}

export function prometheusCommand(program: Command): void {
  program
    .command('prometheus')
    .description('run Prometheus for this checkout’s cluster until Ctrl-C: metrics, recorded series, alerts')
    .option('--listen <address>', 'its address (default: 127.0.0.1)', '127.0.0.1')
    .option('--port <port>', 'its port (default: 9090)', wholeNumber('--port', 1, 65_535), 9090)
    .option(
      '--interval <seconds>',
      'between two looks at each service (default: 5)',
      wholeNumber('--interval', 1, 3_600),
      5,
    )
    .option('--retention <time>', 'how long it remembers (default: 15d)', retention, '15d')
    .addHelpText(
      'after',
      `${examples('v3 prometheus', 'v3 prometheus --port 9091 --interval 1')}

It is the machine’s, or Debian’s, fetched once. It finds services by prometheus-targets.json in the state folder, which the
cluster keeps up to date; it may be started first. What it collected is kept there for the next time.`,
    )
    .action(prometheus);
}

async function prometheus({ listen, port, interval, retention: kept }: PrometheusOptions): Promise<void> {
  const { cache, checkout, state } = paths();
  const progress = createTaskProgress();
  let daemon: Daemon;
  try {
    const { prometheus: program } = await ensurePrometheus({ cache, progress });
    progress.step('starting Prometheus');
    const { prometheusTargets: targets } = ensureStateFolder(state);
    const folder = join(state, 'prometheus');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const config = join(folder, 'prometheus.yml');
    const rules = join(checkout, 'infra/prometheus/rules/*.yml');
    await writeFile(config, prometheusConfig({ targets, rules, intervalSeconds: interval }));
    daemon = await startPrometheus({
      ...{ program, config, data: join(folder, 'data'), host: listen, port, retention: kept },
    });
  } finally {
    progress.done();
  }
  print(`Prometheus is at ${daemon.url}`);
  const isUp = await control().status();
  print(
    isUp
      ? 'Ctrl-C stops it.'
      : 'The cluster is not running; its services are found once it is. Ctrl-C stops it.',
  );
  const stop = () => void daemon.stop();
  interrupted.addEventListener('abort', stop, { once: true });
  if (interrupted.aborted) stop();
  const how = await daemon.exited;
  if (interrupted.aborted) return;
  throw new V3Error('PROCESS_FAILED', `Prometheus ended: ${how}`);
}

function retention(text: string): string {
  if (/^[1-9]\d{0,4}[smhdwy]$/.test(text)) return text;
  throw new V3Error('USAGE', `--retention is "${text}"; it takes a length of time, for example 2h or 15d`);
}
