import { spawn } from 'node:child_process';
import type { Command } from 'commander';
import { examples, print } from '../output';
import { withClient } from '../session';

export function consoleCommand(program: Command): void {
  program
    .command('console')
    .description('print an address that lets a browser into the web console, once, within two minutes')
    .option('--open', 'open it in the browser of this machine, too')
    .addHelpText(
      'after',
      `${examples('v3 console', 'v3 console --open')}

The code in it stands behind the #, which no browser sends to a server. The browser gets a session of 12 hours for it.`,
    )
    .action(({ open }: { open?: boolean }) =>
      withClient(async client => {
        const { code } = await client.call('createLogin', {});
        const url = `${client.url}/#login=${code}`;
        print(url);
        if (open) openInBrowser(url);
      }),
    );
}

/** Whoever has no such program has the address all the same. */
function openInBrowser(url: string): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  spawn(program, [url], { detached: true, stdio: 'ignore' })
    .on('error', () => process.stderr.write(`v3: there is no ${program} here; open the address yourself\n`))
    .unref();
}
