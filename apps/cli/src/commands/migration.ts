import { followMigration, type Client } from '@v3vee/client';
import { V3Error, type BodyOf, type Migration } from '@v3vee/contracts';
import type { Command } from 'commander';
import { blockerColumns, migrationColumns, migrationFields, roundColumns } from '../migration-columns';
import { wholeNumber } from '../options';
import { examples, print, printJson, printList, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { describeMoved, showMigration } from '../terminal/migration-progress';
import type { ProgressStream } from '../terminal/progress';
import { formatFields, formatTable } from '../terminal/table';

interface MigrateOptions {
  output: OutputFormat;
  downtimeLimit?: number;
  maxRounds?: number;
  bandwidth?: number;
  autoConverge?: boolean;
  stopAndCopy?: boolean;
  timeout?: number;
  dryRun?: boolean;
  wait: boolean;
}

export function vmMigration(vm: Command): void {
  withOutput(vm.command('migrate <vm> <host>'))
    .description('move it to another host while it runs: it stands still for some milliseconds')
    .option(
      '--downtime-limit <ms>',
      'stop it for the last round when that can probably be done within this (default: 60)',
      wholeNumber('--downtime-limit', 1, 60_000),
    )
    .option(
      '--max-rounds <n>',
      'stop it after so many rounds (default: 32)',
      wholeNumber('--max-rounds', 1, 1_000),
    )
    .option('--bandwidth <MiB/s>', 'send no faster while it runs (default: no limit)', bandwidth)
    .option('--auto-converge', 'slow it down when it changes memory faster than that can be sent')
    .option('--stop-and-copy', 'let it stand still for all of it')
    .option(
      '--timeout <seconds>',
      'abandon it after so long (default: 300)',
      wholeNumber('--timeout', 1, 3_600),
    )
    .option('--dry-run', 'only say what would keep it from moving; the exit code is 1 if there is anything')
    .option('--no-wait', 'begin it and do not wait for its end')
    .addHelpText(
      'after',
      `${examples(
        'v3 vm migrate b1 alpha',
        'v3 vm migrate b1 alpha --dry-run',
        'v3 vm migrate b1 alpha --downtime-limit 30 --auto-converge',
        'v3 vm migrate b1 alpha --no-wait -o json',
      )}

Ctrl-C cancels the migration, unless the VM has been handed over already: then it goes on to its end.`,
    )
    .action((name: string, host: string, options: MigrateOptions) =>
      withClient(client => migrate(client, name, host, options)),
    );
}

async function migrate(client: Client, name: string, host: string, options: MigrateOptions): Promise<void> {
  const { output, dryRun, wait } = options;
  const body: BodyOf<'migrateVm'> = {
    host,
    mode: options.stopAndCopy ? 'stop-and-copy' : undefined,
    downtimeLimitMs: options.downtimeLimit,
    maxRounds: options.maxRounds,
    bandwidthMiBps: options.bandwidth,
    autoConverge: options.autoConverge,
    timeoutSeconds: options.timeout,
  };
  if (dryRun) return check(client, name, body, output);
  const { id } = await client.call('migrateVm', { vm: name }, { body });
  if (!wait) {
    if (output === 'json') printJson(await client.call('getMigration', { migration: id }));
    else print(`vm/${name} is moving to host/${host}: migration/${id}`);
    return;
  }
  const ended = await followOrCancel(client, id, interrupted, process.stderr);
  report(ended, output);
}

async function check(
  client: Client,
  name: string,
  body: BodyOf<'migrateVm'>,
  output: OutputFormat,
): Promise<void> {
  const found = await client.call('checkMigration', { vm: name }, { body });
  const { length } = found.blockers;
  if (output === 'json') printJson(found);
  else
    print(
      length === 0 ? `vm/${name} can move to host/${body.host}` : formatTable(found.blockers, blockerColumns),
    );
  if (length > 0) {
    const things = length === 1 ? 'one thing keeps' : `${length} things keep`;
    throw new V3Error('MIGRATION_BLOCKED', `${things} ${name} from moving to ${body.host}`);
  }
}

/**
 * Follows a migration to its end, and shows how it goes; it is cancelled when the signal fires.
 * @throws the signal's reason when that made it end
 */
export async function followOrCancel(
  client: Client,
  id: string,
  signal: AbortSignal,
  stream: ProgressStream,
): Promise<Migration> {
  try {
    return await follow(client, id, stream, signal);
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    const say = (text: string) => void stream.write(`${text}\n`);
    try {
      const ended = await client.call('cancelMigration', { migration: id });
      if (ended.phase !== 'CANCELLED') return ended;
      say(`The migration was cancelled; ${ended.vm} stays on ${ended.source}.`);
    } catch (refused) {
      if (!(refused instanceof V3Error) || refused.code !== 'MIGRATION_TOO_LATE') throw refused;
      say(`It is too late to cancel: ${refused.message}.`);
      return await follow(client, id, stream);
    }
    throw thrown;
  }
}

async function follow(
  client: Client,
  id: string,
  stream: ProgressStream,
  signal?: AbortSignal,
): Promise<Migration> {
  const view = showMigration(stream);
  try {
    return await followMigration(client, id, { signal, onChange: migration => view.update(migration) });
  } finally {
    view.done();
  }
}

/** @throws V3Error MIGRATION_FAILED, MIGRATION_CANCELLED */
function report(migration: Migration, output: OutputFormat): void {
  if (output === 'json') printJson(migration);
  else if (migration.phase === 'COMPLETED') print(describeMoved(migration));
  assertMoved(migration);
}

function assertMoved({ vm, source, target, phase, reason }: Migration): void {
  if (phase === 'FAILED') throw new V3Error('MIGRATION_FAILED', `${vm} did not move to ${target}: ${reason}`);
  if (phase === 'CANCELLED') throw new V3Error('MIGRATION_CANCELLED', `${vm} stays on ${source}: ${reason}`);
}

function bandwidth(text: string): number {
  const value = Number(/^(\d+(?:\.\d+)?)$/.exec(text)?.[1]);
  if (value > 0) return value;
  throw new V3Error('USAGE', `--bandwidth is "${text}"; it takes MiB a second, more than 0: 50, 2.5`);
}

export function migrationCommands(program: Command): void {
  const migration = program.command('migration').description('moves of virtual machines between hosts');
  withOutput(migration.command('list'))
    .description('list migrations, newest first; they are kept for 30 days')
    .option('--vm <vm>', 'of this VM only')
    .addHelpText('after', examples('v3 migration list', 'v3 migration list --vm a1 -o json'))
    .action(({ output, vm }: { output: OutputFormat; vm?: string }) =>
      withClient(async client => {
        const all = await client.list('listMigrations', { vm });
        printList(all, migrationColumns, output, 'There were no migrations.');
      }),
    );
  withOutput(migration.command('show <id>'))
    .description('show one migration: phases, rounds, what was sent and what is left')
    .addHelpText('after', examples('v3 migration show 0d7b…', 'v3 migration show 0d7b… -o json'))
    .action((id: string, { output }: { output: OutputFormat }) =>
      withClient(async client => {
        const shown = await client.call('getMigration', { migration: id });
        if (output === 'json') printJson(shown);
        else print(describe(shown));
      }),
    );
  migration
    .command('cancel <id>')
    .description('abandon a migration; the VM goes on where it was')
    .addHelpText('after', examples('v3 migration cancel 0d7b…'))
    .action((id: string) =>
      withClient(async client => {
        const { vm, source, phase, reason } = await client.call('cancelMigration', { migration: id });
        const how = phase === 'CANCELLED' ? 'cancelled' : `had failed already (${reason})`;
        print(`migration/${id} ${how}; vm/${vm} stays on host/${source}`);
      }),
    );
  withOutput(migration.command('watch <id>'))
    .description('show how a migration goes until it ends; with -o json each change as a line')
    .addHelpText('after', examples('v3 migration watch 0d7b…', 'v3 migration watch 0d7b… -o json'))
    .action((id: string, { output }: { output: OutputFormat }) =>
      withClient(client => watch(client, id, output)),
    );
}

/** Ctrl-C only ends the watch. */
async function watch(client: Client, id: string, output: OutputFormat): Promise<void> {
  if (output !== 'json') return report(await follow(client, id, process.stderr, interrupted), output);
  const onChange = (migration: Migration) => print(JSON.stringify(migration));
  assertMoved(await followMigration(client, id, { signal: interrupted, onChange }));
}

function describe(migration: Migration): string {
  const rounds = migration.rounds.map((round, index) => ({ ...round, number: index + 1 }));
  const fields = formatFields(migration, migrationFields);
  return rounds.length === 0 ? fields : `${fields}\n\n${formatTable(rounds, roundColumns)}`;
}
