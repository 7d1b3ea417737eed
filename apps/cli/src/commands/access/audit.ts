import { pause, type Client } from '@v3vee/client';
import { auditFilter, auditOutcomes, validate, type AuditEntry, type AuditFilter } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { auditColumns } from '../../access-columns';
import { wholeNumber } from '../../options';
import { examples, print, printList, withOutput, type OutputFormat } from '../../output';
import { interrupted, withClient } from '../../session';
import { formatTable } from '../../terminal/table';

/** How often is looked again with `-w`. */
const LOOK_MS = 1_000;

interface Options extends AuditFilter {
  output: OutputFormat;
  last: number;
  watch?: boolean;
}

export function auditCommand(program: Command): void {
  withOutput(program.command('audit'))
    .description('who changed what, when and from where, and what was refused; the latest last')
    .option('--user <user>', 'of this one only')
    .option('--action <endpoint>', 'of this only, as the REST interface names it')
    .option('--target <text>', 'whose address has this')
    .addOption(new Option('--outcome <outcome>', 'that ended so only').choices(auditOutcomes))
    .option('--since <instant>', 'from then on, for example 2026-05-01T00:00:00Z')
    .option('--until <instant>', 'before then')
    .option('-n, --last <n>', 'so many entries', wholeNumber('--last', 1, 1_000), 50)
    .option('-w, --watch', 'and what comes; with -o json an entry a line')
    .addHelpText(
      'after',
      examples(
        'v3 audit',
        'v3 audit -w',
        'v3 audit --outcome refused',
        'v3 audit --user anna -n 500 -o json',
      ),
    )
    .action((options: Options) =>
      withClient(async client => {
        const entries = await latest(client, options);
        if (options.watch) return watch(client, entries, options);
        printList(entries, auditColumns, options.output, 'There are no entries.');
      }),
    );
}

async function latest(client: Client, options: Options): Promise<AuditEntry[]> {
  const { user, action, target, outcome, since, until, last } = options;
  const filter = validate(auditFilter, { user, action, target, outcome, since, until }, 'USAGE');
  const { items } = await client.call('listAudit', {}, { query: { ...filter, pageSize: last } });
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
