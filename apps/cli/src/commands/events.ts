import { watchList } from '@v3vee/client';
import { eventKinds, type Event, type EventKind } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { wholeNumber } from '../options';
import { examples, print, printList, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { clean, type Column } from '../terminal/table';

interface EventOptions {
  output: OutputFormat;
  watch?: boolean;
  vm?: string;
  kind?: EventKind;
  limit: number;
}

const columns: Column<Event>[] = [
  { title: 'AT', value: event => event.at },
  { title: 'KIND', value: event => event.kind },
  { title: 'NAME', value: event => event.name },
  { title: 'FROM', value: event => event.before ?? '' },
  { title: 'TO', value: event => event.state },
  { title: 'REASON', value: event => event.reason },
];

export function eventsCommand(program: Command): void {
  withOutput(program.command('events'))
    .description('what changed its state, and why: VMs, hosts, migrations, operations')
    .option('-w, --watch', 'go on with each event as it comes, until Ctrl-C')
    .option('--vm <vm>', 'only what concerns this VM')
    .addOption(new Option('--kind <kind>', 'only what is of this kind').choices(eventKinds))
    .option('-n, --limit <number>', 'how many of the latest', wholeNumber('--limit', 1, 1000), 50)
    .addHelpText(
      'after',
      `${examples('v3 events', 'v3 events --vm a1 -n 10', 'v3 events -w -o json')}

Oldest first. With -w and -o json each event is a line of JSON. A gateway that is restarted is waited for.`,
    )
    .action(events);
}

async function events({ output, watch, vm, kind, limit }: EventOptions): Promise<void> {
  await withClient(async client => {
    // Nothing between the list and the watch is missed: where the log ends is asked first.
    const end = watch ? await client.call('listEvents', {}, { query: { pageSize: 1 } }) : undefined;
    const { items } = await client.call('listEvents', {}, { query: { vm, kind, pageSize: limit } });
    const earlier = items.reverse();
    if (!watch) return printList(earlier, columns, output, 'There are no events.');
    for (const event of earlier) print(line(event, output));
    const after = earlier.at(-1)?.resourceVersion ?? end?.items[0]?.resourceVersion;
    for await (const event of watchList(client, 'events', { resourceVersion: after, signal: interrupted })) {
      if ((vm === undefined || event.vm === vm) && (kind === undefined || event.kind === kind))
        print(line(event, output));
    }
  });
}

function line(event: Event, output: OutputFormat): string {
  if (output === 'json') return JSON.stringify(event);
  const { at, kind, name, before, state, reason } = event;
  return clean(`${at}  ${kind} ${name}: ${before === null ? '' : `${before} → `}${state}  ${reason}`);
}
