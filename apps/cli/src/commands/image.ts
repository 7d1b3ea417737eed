import { importImage } from '@v3vee/client';
import { ensureFirmware, ensureImage, listBuiltinImages } from '@v3vee/setup';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { imageColumns } from '../columns';
import { examples, print, printList, printOne, withOutput, type OutputFormat } from '../output';
import { paths, withClient } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatBytes } from '../terminal/quantities';

interface Formatted {
  output: OutputFormat;
}

export function imageCommands(program: Command): void {
  const image = program
    .command('image')
    .description('what virtual machines boot: a kernel, an initrd, a command line');
  withOutput(image.command('list'))
    .description('list images')
    .addHelpText('after', examples('v3 image list', 'v3 image list -o wide'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listImages'), imageColumns, output, 'There are no images.'),
      ),
    );
  withOutput(image.command('show <image>'))
    .description('show one image')
    .addHelpText('after', examples('v3 image show debian -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client =>
        printOne(await client.call('getImage', { image: name }), imageColumns, output),
      ),
    );
  image
    .command('build [image]')
    .description('build an image of infra/images from Debian packages (default: debian)')
    .option('--rebuild', 'although it was built before')
    .option(
      '--debian-mirror <url>',
      'fetch the packages from this mirror instead of the sources of this machine',
    )
    .addHelpText(
      'after',
      `${examples('v3 image build', 'v3 image build debian --rebuild')}

The guest needs Debian 12's i386 packages, which Debian 13's and Ubuntu's archives do not have. Elsewhere: name a
mirror of Debian 12 with --debian-mirror, build in containers with "docker compose", or bring a kernel and an initrd
of your own with "v3 image import".`,
    )
    .action(build);
  image
    .command('import <image>')
    .description('make an image of a 32-bit kernel of your own')
    .requiredOption('--kernel <file>', 'a bzImage or an ELF vmlinux, 32-bit x86')
    .option('--initrd <file>', 'a cpio archive, plain or compressed')
    .option('--cmdline <text>', 'the kernel command line (default: console=ttyS0)')
    .addHelpText(
      'after',
      examples(
        "v3 image import tiny --kernel bzImage --initrd rootfs.cpio.gz --cmdline 'console=ttyS0 quiet'",
      ),
    )
    .action((name: string, files: { kernel: string; initrd?: string; cmdline?: string }) =>
      withClient(async client => {
        const progress = createTaskProgress();
        progress.step(`importing ${name}`);
        try {
          const imported = await importImage(client, { name, ...files }, text => progress.update(text));
          progress.done();
          print(`image/${imported.name} imported (${imported.digest})`);
        } finally {
          progress.done();
        }
      }),
    );
  image
    .command('delete <image>')
    .description('delete an imported image that no virtual machine uses')
    .addHelpText('after', examples('v3 image delete tiny'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('deleteImage', { image: name });
        print(`image/${name} deleted`);
      }),
    );
}

async function build(name = 'debian', options: { rebuild?: boolean; debianMirror?: string }): Promise<void> {
  const known = await listBuiltinImages();
  if (!known.includes(name)) {
    throw new V3Error(
      'IMAGE_NOT_FOUND',
      `there is no recipe for "${name}"; infra/images has: ${known.join(', ')}`,
    );
  }
  const progress = createTaskProgress();
  try {
    const source = { cache: paths().cache, mirror: options.debianMirror, progress };
    const built = await ensureImage(name, { ...source, rebuild: options.rebuild });
    // A guest needs its machine's firmware as well, and it comes from the same place.
    await ensureFirmware(source);
    progress.done();
    const { kernel, initrd } = built.manifest;
    print(
      `image/${name} built in ${built.folder} (kernel ${formatBytes(kernel.size)}, initrd ${formatBytes(initrd?.size ?? 0)})`,
    );
  } finally {
    progress.done();
  }
}
