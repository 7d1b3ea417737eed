import { importSnapshot, openSnapshotExport } from '@v3vee/client';
import { V3Error, type SnapshotVerification } from '@v3vee/contracts';
import type { Command } from 'commander';
import { snapshotColumns, snapshotDetailColumns } from '../columns';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatBytes } from '../terminal/quantities';
import { writeNew } from '../write-new';

interface Formatted {
  output: OutputFormat;
}

/** A state of 1 GiB, on a slow disk. */
const LONG_MS = 200_000;

export function snapshotCommands(program: Command): void {
  const snapshot = program.command('snapshot').description('saved states of virtual machines');
  listing(snapshot);
  care(snapshot);
  files(snapshot);
}

function listing(snapshot: Command): void {
  withOutput(snapshot.command('list'))
    .description('list snapshots')
    .option('--vm <vm>', 'of this VM only')
    .addHelpText('after', examples('v3 snapshot list', 'v3 snapshot list --vm a1 -o json'))
    .action(({ output, vm }: Formatted & { vm?: string }) =>
      withClient(async client =>
        printList(
          await client.list('listSnapshots', { vm }),
          snapshotColumns,
          output,
          'There are no snapshots.',
        ),
      ),
    );
  withOutput(snapshot.command('show <snapshot>'))
    .description('show one snapshot, by id or name: what it is, and what it takes on disk')
    .addHelpText('after', examples('v3 snapshot show before-upgrade', 'v3 snapshot show 6c1c9f6e-… -o json'))
    .action((id: string, { output }: Formatted) =>
      withClient(async client =>
        printOne(await client.call('getSnapshot', { snapshot: id }), snapshotDetailColumns, output),
      ),
    );
}

function care(snapshot: Command): void {
  snapshot
    .command('delete <snapshot>')
    .description('delete a snapshot; what others need of it stays')
    .addHelpText('after', examples('v3 snapshot delete 6c1c9f6e-…'))
    .action((id: string) =>
      withClient(async client => {
        await client.call('deleteSnapshot', { snapshot: id });
        print(`snapshot/${id} deleted`);
      }),
    );
  withOutput(snapshot.command('verify [snapshots...]'))
    .description('read snapshots again (none named: all), and name what is damaged')
    .addHelpText('after', examples('v3 snapshot verify', 'v3 snapshot verify before-upgrade -o json'))
    .action((named: string[], { output }: Formatted) =>
      withClient(async client => {
        const wanted = named.length > 0 ? named : (await client.list('listSnapshots')).map(({ id }) => id);
        const found: (SnapshotVerification & { snapshot: string })[] = [];
        for (const each of wanted) {
          const options = { timeoutMs: LONG_MS, signal: interrupted };
          const verified = await client.call('verifySnapshot', { snapshot: each }, options);
          found.push({ snapshot: each, ...verified });
          if (output !== 'json') print(verifiedWords(each, verified));
        }
        if (output === 'json') printJson({ items: found, nextPageToken: '' });
        const damaged = found.filter(({ intact }) => !intact).length;
        if (damaged === 0) return;
        throw new V3Error('STATE_CORRUPT', `${damaged} of ${found.length} snapshots are damaged`);
      }),
    );
  withOutput(snapshot.command('gc'))
    .description('free what no saved state needs any more now; it is done by itself, but not at once')
    .addHelpText('after', examples('v3 snapshot gc', 'v3 snapshot gc -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client => {
        const collected = await client.call('collectSnapshots', {}, { timeoutMs: LONG_MS });
        if (output === 'json') return printJson(collected);
        const { freedBytes, storedBytes, logicalBytes, pages, snapshots, quotaBytes } = collected;
        const quota = quotaBytes === null ? '' : ` of ${formatBytes(quotaBytes)}`;
        print(`${formatBytes(Math.max(0, freedBytes))} freed`);
        print(
          `${snapshots} saved states of ${formatBytes(logicalBytes)} share ${pages} pages, ` +
            `${formatBytes(storedBytes)}${quota} on disk`,
        );
      }),
    );
}

function files(snapshot: Command): void {
  withOutput(snapshot.command('export <snapshot> <file>'))
    .description('write a snapshot to a new file, to be imported elsewhere')
    .addHelpText('after', examples('v3 snapshot export before-upgrade a1.v3snapshot'))
    .action((id: string, file: string, { output }: Formatted) =>
      withClient(async client => {
        const progress = createTaskProgress();
        progress.step(`exporting ${id}`);
        try {
          const { stream, stop } = await openSnapshotExport(client, id);
          interrupted.addEventListener('abort', stop, { once: true });
          const bytes = await writeNew(file, stream, done => progress.update(formatBytes(done)));
          interrupted.throwIfAborted();
          progress.done();
          if (output === 'json') printJson({ snapshot: id, file, bytes });
          else print(`snapshot/${id} exported to ${file} (${formatBytes(bytes)})`);
        } finally {
          progress.done();
        }
      }),
    );
  withOutput(snapshot.command('import <file>'))
    .description('make a snapshot of a file that an export wrote')
    .option('--vm <vm>', 'whose snapshot it is to be (default: the VM of the name that it had)')
    .option('--name <name>', 'how it is to be named (default: the name that it had)')
    .addHelpText(
      'after',
      `${examples('v3 snapshot import a1.v3snapshot', 'v3 snapshot import a1.v3snapshot --vm b1 --name from-a1')}

The VM needs as much memory and as many virtio NICs as the one that was saved. "v3 vm restore" goes on from the
snapshot; the guest is then told its VM's name and addresses.`,
    )
    .action((file: string, { output, ...options }: Formatted & { vm?: string; name?: string }) =>
      withClient(async client => {
        const progress = createTaskProgress();
        progress.step(`importing ${file}`);
        try {
          const made = await importSnapshot(client, { file, ...options }, text => progress.update(text));
          progress.done();
          if (output === 'json') printJson(made);
          else print(`snapshot/${made.name} of vm/${made.vmName} imported (${made.id})`);
        } finally {
          progress.done();
        }
      }),
    );
}

function verifiedWords(name: string, { intact, pages, damagedPages, damage }: SnapshotVerification): string {
  if (intact) return `snapshot/${name} is intact (${pages} pages)`;
  const more = damagedPages > damage.length ? [`and ${damagedPages - damage.length} further pages`] : [];
  const lines = [...damage, ...more].map(line => `\n  ${line}`);
  return `snapshot/${name} is DAMAGED: ${damagedPages} of ${pages + damagedPages} pages${lines.join('')}`;
}
