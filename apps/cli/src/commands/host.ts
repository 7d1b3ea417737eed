import type { DrainResult } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { showDrain } from '../terminal/drain-progress';

/** Taking hosts out of use, and back into it. */
export function hostMaintenance(host: Command): void {
  host
    .command('cordon <host>')
    .description('let it get no further VMs; those that it has run on')
    .addHelpText('after', examples('v3 host cordon alpha'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('cordonHost', { host: name });
        print(`host/${name} cordoned`);
      }),
    );
  host
    .command('uncordon <host>')
    .description('let it get VMs again')
    .addHelpText('after', examples('v3 host uncordon alpha'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('uncordonHost', { host: name });
        print(`host/${name} uncordoned`);
      }),
    );
  withOutput(host.command('drain <host>'))
    .description('cordon it and move its running and paused VMs elsewhere; exits with 1 if some stay')
    .addHelpText('after', examples('v3 host drain alpha', 'v3 host drain alpha -o json'))
    .action((name: string, { output }: { output: OutputFormat }) =>
      withClient(async client => {
        const view = showDrain(process.stderr, name);
        const onProgress = (text: string, metadata: unknown) => view.update(text, metadata);
        const drained = await client
          .operate('drainHost', { host: name }, { signal: interrupted, onProgress })
          .finally(() => view.done());
        const { moved, left } = drained.response as DrainResult;
        if (output === 'json') printJson(drained.response);
        else {
          for (const { vm, host: target, reason } of moved)
            print(`vm/${vm} moved to host/${target}: ${reason}`);
          for (const { vm, reason } of left) print(`vm/${vm} stays: ${reason}`);
          print(`host/${name} ${left.length === 0 ? 'drained' : 'cordoned, not drained'}`);
        }
        if (left.length > 0) process.exitCode = 1;
      }),
    );
}
