import type { Command } from 'commander';
import { contextColumns, violationColumns } from '../../dmm-columns';
import { parseDevice } from '../../options';
import { examples, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';

interface ListOptions {
  output: OutputFormat;
  device?: string;
}

export function recordCommands(dmm: Command): void {
  const context = dmm.command('context').description('what is kept of guests that share a device');
  withOutput(context.command('list'))
    .description('list saved contexts: what each guest left in a device when that was last taken from it')
    .option('--device <device>', 'of this device only', parseDevice)
    .addHelpText('after', examples('v3 dmm context list', 'v3 dmm context list --device alpha/eth0 -o wide'))
    .action(({ output, device }: ListOptions) =>
      withClient(async client =>
        printList(
          await client.list('listContexts', { device }),
          contextColumns,
          output,
          'There are no saved contexts.',
        ),
      ),
    );
  withOutput(dmm.command('violations'))
    .description('list DMA that was denied because it left the guest’s memory, newest first')
    .option('--device <device>', 'of this device only', parseDevice)
    .addHelpText('after', examples('v3 dmm violations', 'v3 dmm violations --device alpha/eth0 -o json'))
    .action(({ output, device }: ListOptions) =>
      withClient(async client =>
        printList(
          await client.list('listViolations', { device }),
          violationColumns,
          output,
          'There were no violations.',
        ),
      ),
    );
}
