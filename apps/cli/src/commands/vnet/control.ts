import { readFileSync } from 'node:fs';
import { listVnetControl, runVnetControl } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples } from '../../output';
import { withClient } from '../../session';

export function controlCommand(vnet: Command): void {
  vnet
    .command('control [lines...]')
    .description('the original control language: lists routes and links, or runs lines, all or none')
    .option('-f, --file <file>', 'lines from a file; - is standard input')
    .option('--network <network>', 'what new links join, and new routes must belong to')
    .addHelpText(
      'after',
      `
  ADD src-MAC dst-MAC dst-TYPE dst-ID src-TYPE [src-ID]   a route        DEL index        deletes it
  ADD dst-ip port [udp|tcp|vxlan]                         a link         DEL LINK index   deletes it
${examples(
  'v3 vnet control',
  "v3 vnet control 'ADD any 02:00:0a:0a:00:0b interface 02:00:0a:0a:00:0b any'",
  "v3 vnet control 'ADD 192.0.2.1 9000 udp' 'DEL 3'",
  'v3 vnet control -f routes.vnet',
)}`,
    )
    .action((lines: string[], { file, network }: { file?: string; network?: string }) => {
      if (file !== undefined && lines.length > 0) {
        throw new V3Error('USAGE', 'lines come from the command line or from a file, not from both');
      }
      const text = file === undefined ? lines.join('\n') : read(file);
      const isListing = file === undefined && lines.length === 0;
      return withClient(async client => {
        process.stdout.write(
          isListing ? await listVnetControl(client) : await runVnetControl(client, text, network),
        );
      });
    });
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new V3Error('USAGE', `${file} cannot be read (${code})`, { cause: error });
  }
}
