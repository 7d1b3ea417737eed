import type { BodyOf } from '@v3vee/contracts';
import type { Command } from 'commander';
import { hostColumns, networkColumns, operationColumns } from '../columns';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { hostMaintenance } from './host';
import { hostKernel } from './host-kernel';

interface Formatted {
  output: OutputFormat;
}

export function hostCommands(program: Command): void {
  const host = program.command('host').description('the emulated hosts of the cluster');
  withOutput(host.command('list'))
    .description('list hosts: what they have, what is free')
    .addHelpText('after', examples('v3 host list', 'v3 host list -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listHosts'), hostColumns, output, 'There are no hosts.'),
      ),
    );
  withOutput(host.command('show <host>'))
    .description('show one host')
    .addHelpText('after', examples('v3 host show alpha'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => printOne(await client.call('getHost', { host: name }), hostColumns, output)),
    );
  hostKernel(host);
  hostMaintenance(host);
}

export function networkCommands(program: Command): void {
  const network = program.command('network').description('the layer-2 networks of the overlay');
  withOutput(network.command('list'))
    .description('list networks')
    .addHelpText('after', examples('v3 network list'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listNetworks'), networkColumns, output, 'There are no networks.'),
      ),
    );
  withOutput(network.command('show <network>'))
    .description('show one network')
    .addHelpText('after', examples('v3 network show lan -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client =>
        printOne(await client.call('getNetwork', { network: name }), networkColumns, output),
      ),
    );
  withOutput(network.command('create <network>'))
    .description('create a network')
    .option('--project <project>', 'whose it is (default: your own, or "default")')
    .option('--subnet <cidr>', 'addresses of its NICs must be in this subnet')
    .option('--dhcp', 'lend addresses of the subnet to guests that ask')
    .option('--dns', 'answer guests’ questions for the names of VMs')
    .addHelpText(
      'after',
      examples(
        'v3 network create lab --subnet 10.20.0.0/24',
        'v3 network create lab --subnet 10.20.0.0/24 --dhcp --dns',
      ),
    )
    .action((name: string, { output, ...spec }: Formatted & Omit<BodyOf<'createNetwork'>, 'name'>) =>
      withClient(async client => {
        const created = await client.call('createNetwork', {}, { body: { name, ...spec } });
        if (output === 'json') printJson(created);
        else print(`network/${name} created`);
      }),
    );
  network
    .command('delete <network>')
    .description('delete a network that has no NICs')
    .addHelpText('after', examples('v3 network delete lab'))
    .action((name: string) =>
      withClient(async client => {
        await client.call('deleteNetwork', { network: name });
        print(`network/${name} deleted`);
      }),
    );
}

export function operationCommands(program: Command): void {
  const operation = program.command('operation').description('what is or was under way');
  withOutput(operation.command('list'))
    .description('list operations, newest first')
    .addHelpText('after', examples('v3 operation list'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listOperations'), operationColumns, output, 'There were no operations.'),
      ),
    );
  withOutput(operation.command('show <id>'))
    .description('show one operation')
    .option('--wait', 'until it is done')
    .addHelpText('after', examples('v3 operation show 0d7b…', 'v3 operation show 0d7b… --wait'))
    .action((id: string, { output, wait }: Formatted & { wait?: boolean }) =>
      withClient(async client => {
        const seen = await client.call('getOperation', { operation: id });
        const shown = wait && !seen.done ? await client.waitOperation(seen, { signal: interrupted }) : seen;
        printOne(shown, operationColumns, output);
      }),
    );
}
