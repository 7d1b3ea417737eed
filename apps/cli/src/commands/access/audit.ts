import { pause, type Client } from '@v3vee/client';
import type { AuditEntry } from '@v3vee/contracts';
import type { Command } from 'commander';
import { auditColumns } from '../../access-columns';
import { wholeNumber } from '../../options';
import { examples, print, printList, withOutput, type OutputFormat } from '../../output';
import { interrupted, withClient } from '../../session';
import { formatTable } from '../../terminal/table';

/** How often is looked again with `-w`. */
const LOOK_MS = 1_000;

interface Options {
  output: OutputFormat;
  user?: string;
  last: number;
  watch?: boolean;
}

export function auditCommand(program: Command): void {
  withOutput(program.command('audit'))
    .description('who changed what, when and from where, and what was refused; the latest last')
    .option('--user <user>', 'of this one only')
    .option('-n, --last <n>', 'so many entries', wholeNumber('--last', 1, 1_000), 50)
    .option('-w, --watch', 'and what comes; with -o json an entry a line')
    .addHelpText('after', examples('v3 audit', 'v3 audit -w', 'v3 audit --user anna -n 500 -o json'))
    .action((options: Options) =>
      withClient(async client => {
        const entries = await latest(client, options);
        if (options.watch) return watch(client, entries, options);
        printList(entries, auditColumns, options.output, 'There are no entries.');
      }),
    );
}

async function latest(client: Client, { user, last }: Options): Promise<AuditEntry[]> {
  const { items } = await client.call('listAudit', {}, { query: { user, pageSize: last } });
  return items.reverse();
}

async function watch(client: Client, first: AuditEntry[], options: Options): Promise<void> {
  let seen = 0;
  const show = (entries: AuditEntry[]) => {
    const fresh = entries.filter(({ id }) => id > seen);
    seen = Math.max(seen, ...fresh.map(({ id }) => id));
    if (options.output === 'json') for (const entry of fresh) print(JSON.stringify(entry));
    else if (fresh.length > 0) {
      const columns = auditColumns.filter(({ wide }) => !wide || options.output === 'wide');
      print(formatTable(fresh, columns));
    }
  };
  show(first);
  for (;;) {
    await pause(LOOK_MS, interrupted);
    show(await latest(client, { ...options, last: 1_000 }));
  }
}
