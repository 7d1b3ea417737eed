import type { DmmDevice } from '@v3vee/contracts';
import type { Command } from 'commander';
import { deviceColumns, deviceFields, hookColumns, registerColumns } from '../../dmm-columns';
import { parseDevice } from '../../options';
import { examples, print, printJson, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { formatFields, formatTable } from '../../terminal/table';

interface Formatted {
  output: OutputFormat;
}

export function deviceCommands(dmm: Command): void {
  const device = dmm.command('device').description('the physical network cards of all hosts');
  withOutput(device.command('list'))
    .description('list devices: who has them, how many accesses needed the VMM')
    .addHelpText('after', examples('v3 dmm device list', 'v3 dmm device list -o wide'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listDevices'), deviceColumns, output, 'There are no physical devices.'),
      ),
    );
  withOutput(device.command('show <device>'))
    .description('show one device (alpha/eth0): holder, accesses by register, hooked I/O list, switches')
    .addHelpText(
      'after',
      `${examples('v3 dmm device show alpha/eth0', 'v3 dmm device show alpha/eth0 -o json')}

Accesses are open (straight to the device), shadow (noted in the VMM, no exit) or exits (the DMM is asked first). What
the list of hooks does not name is open.`,
    )
    .action((name: string, { output }: Formatted) => {
      const device = parseDevice(name);
      return withClient(async client => {
        const shown = await client.call('getDevice', { device });
        if (output === 'json') printJson(shown);
        else print(describe(shown));
      });
    });
}

function describe(device: DmmDevice): string {
  const registers = device.account?.registers ?? [];
  return [
    formatFields(device, deviceFields),
    registers.length > 0 ? formatTable(registers, registerColumns) : '',
    device.hooks.length > 0 ? formatTable(device.hooks, hookColumns) : '',
  ]
    .filter(part => part !== '')
    .join('\n\n');
}
