import { importDisk, openDiskExport } from '@v3vee/client';
import { diskCreation, validate } from '@v3vee/contracts';
import type { Command } from 'commander';
import { diskColumns } from '../../columns';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../../output';
import { interrupted, withClient } from '../../session';
import { createTaskProgress } from '../../terminal/progress';
import { formatBytes } from '../../terminal/quantities';
import { writeNew } from '../../write-new';

interface Formatted {
  output: OutputFormat;
}

export function diskCommands(program: Command): void {
  const disk = program.command('disk').description('disk images, and the disks of virtual machines');
  withOutput(disk.command('list'))
    .description('list disk images, and VMs’ disks as VM/NAME')
    .addHelpText('after', examples('v3 disk list', 'v3 disk list -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listDisks'), diskColumns, output, 'There are no disks.'),
      ),
    );
  withOutput(disk.command('show <disk>'))
    .description('show one')
    .addHelpText('after', examples('v3 disk show base', 'v3 disk show a1/root -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => printOne(await client.call('getDisk', { disk: name }), diskColumns, output)),
    );
  withOutput(disk.command('create <disk>'))
    .description('make a blank disk image')
    .requiredOption('--size <amount>', 'for example 256MiB, 1GiB')
    .addHelpText('after', examples('v3 disk create scratch --size 256MiB'))
    .action((name: string, { size, output }: Formatted & { size: string }) =>
      withClient(async client => {
        const body = validate(
          diskCreation,
          { name, size: /^\d+$/.test(size) ? Number(size) : size },
          'USAGE',
        );
        const made = await client.call('createDisk', {}, { body });
        if (output === 'json') printJson(made);
        else print(`disk/${name} created`);
      }),
    );
  disk
    .command('delete <disk>')
    .description('delete a disk image; VMs’ disks that are copies of it stay')
    .addHelpText('after', examples('v3 disk delete scratch'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('deleteDisk', { disk: name });
        print(`disk/${name} deleted`);
      }),
    );
  files(disk);
}

function files(disk: Command): void {
  withOutput(disk.command('import <file> <disk>'))
    .description('make a disk image of a raw image; its size is that of the file')
    .addHelpText(
      'after',
      examples('v3 disk import rootfs.img base', 'v3 vm create d1 --host alpha --disk name=root,image=base'),
    )
    .action((file: string, name: string, { output }: Formatted) =>
      withClient(async client => {
        const progress = createTaskProgress();
        progress.step(`importing ${file}`);
        try {
          const made = await importDisk(client, { file, name }, text => progress.update(text));
          progress.done();
          if (output === 'json') printJson(made);
          else print(`disk/${name} imported (${formatBytes(made.bytes)})`);
        } finally {
          progress.done();
        }
      }),
    );
  withOutput(disk.command('export <disk> <file>'))
    .description('write a disk to a new file, as a raw image; a VM’s disk while the VM is stopped')
    .addHelpText('after', examples('v3 disk export base base.img', 'v3 disk export a1/root root.img'))
    .action((name: string, file: string, { output }: Formatted) =>
      withClient(async client => {
        const progress = createTaskProgress();
        progress.step(`exporting ${name}`);
        try {
          const { stream, stop } = await openDiskExport(client, name);
          interrupted.addEventListener('abort', stop, { once: true });
          const bytes = await writeNew(file, stream, done => progress.update(formatBytes(done)));
          progress.done();
          if (output === 'json') printJson({ disk: name, file, bytes });
          else print(`disk/${name} exported to ${file} (${formatBytes(bytes)})`);
        } finally {
          progress.done();
        }
      }),
    );
}
