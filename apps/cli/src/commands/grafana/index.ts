import { setTimeout as delay } from 'node:timers/promises';
import { V3Error } from '@v3vee/contracts';
import { Grafana, readDashboards } from '@v3vee/dashboards';
import type { Command } from 'commander';
import { examples, print } from '../../output';
import { interrupted, withClient } from '../../session';
import { eventsOf } from './events';

interface GrafanaAddress {
  url: string;
  token?: string;
}

const LOOK_MS = 2_000;

export function grafanaCommands(program: Command): void {
  const grafana = program.command('grafana').description('dashboards and events in a Grafana that you have');
  withAddress(grafana.command('push'))
    .description('put the dashboards into its folder V3VEE, over older ones of theirs')
    .addHelpText('after', examples('v3 grafana push --url http://127.0.0.1:3000 --token glsa_…'))
    .action(async (address: GrafanaAddress) => {
      for (const url of await connect(address).push(readDashboards())) print(url);
    });
  withAddress(grafana.command('annotate'))
    .description('mark migrations and fail-overs of the running cluster as annotations; each once')
    .option('-w, --watch', 'go on with those that come, until Ctrl-C')
    .addHelpText(
      'after',
      examples('v3 grafana annotate --url http://127.0.0.1:3000', 'v3 grafana annotate -w --url …'),
    )
    .action(annotate);
}

function withAddress(command: Command): Command {
  return command
    .requiredOption('--url <url>', 'of Grafana')
    .option('--token <token>', 'of a service account with the role Editor (default: $GRAFANA_TOKEN)');
}

/** @throws V3Error USAGE */
function connect({ url, token = process.env.GRAFANA_TOKEN }: GrafanaAddress): Grafana {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new V3Error('USAGE', `--url is "${url}"; it looks like http://127.0.0.1:3000`);
  }
  // A header can hold nothing else (RFC 6750).
  if (token && /^[A-Za-z0-9._~+/=-]+$/.test(token)) return new Grafana({ url, token, signal: interrupted });
  throw new V3Error(
    'USAGE',
    token ? 'the token has characters that no token of Grafana has' : '--token or $GRAFANA_TOKEN is needed',
  );
}

async function annotate({ watch, ...address }: GrafanaAddress & { watch?: boolean }): Promise<void> {
  const grafana = connect(address);
  await withClient(async client => {
    const told = new Set<string>();
    for (;;) {
      for (const event of await eventsOf(client)) {
        if (told.has(event.id)) continue;
        if (await grafana.annotate(event)) print(event.text);
        told.add(event.id);
      }
      if (!watch) return;
      await delay(LOOK_MS, undefined, { signal: interrupted }).catch(() => undefined);
      if (interrupted.aborted) return;
    }
  });
}
