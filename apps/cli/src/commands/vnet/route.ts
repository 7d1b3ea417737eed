import { formatPlace, parseRoute } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { routeColumns } from '../../vnet-columns';

interface Formatted {
  output: OutputFormat;
}

export function routeCommands(vnet: Command): void {
  const route = vnet
    .command('route')
    .description('where frames go, by source, destination and where they come from');
  withOutput(route.command('list'))
    .description('list routes: those that were added, then the automatic ones of NICs and links')
    .option('--network <network>', 'of this network only')
    .addHelpText('after', examples('v3 vnet route list', 'v3 vnet route list --network lan -o json'))
    .action(({ output, network }: Formatted & { network?: string }) =>
      withClient(async client =>
        printList(await client.list('listRoutes', { network }), routeColumns, output, 'There are no routes.'),
      ),
    );
  withOutput(route.command('show <index>'))
    .description('show one route')
    .addHelpText('after', examples('v3 vnet route show 3'))
    .action((index: string, { output }: Formatted) =>
      withClient(async client =>
        printOne(await client.call('getRoute', { route: index }), routeColumns, output),
      ),
    );
  withOutput(route.command('add <words...>'))
    .description('add a route, in the words of the original language')
    .option('--network <network>', 'what it must belong to; tells links to one peer apart')
    .addHelpText(
      'after',
      `
The words are  src-MAC dst-MAC dst-TYPE dst-ID src-TYPE [src-ID]
  MAC       any, none, an address such as 02:00:0a:0a:00:0b, or not- and an address
  dst-TYPE  interface (its ID: the MAC of a NIC) or edge (its ID: a link, by IP address, name or index)
  src-TYPE  any, or as dst-TYPE
${examples(
  'v3 vnet route add any 02:00:0a:0a:00:0b interface 02:00:0a:0a:00:0b any',
  'v3 vnet route add any ff:ff:ff:ff:ff:ff edge wan interface 02:00:0a:0a:00:0b',
)}`,
    )
    .action((words: string[], { output, network }: Formatted & { network?: string }) => {
      const { to, from, ...macs } = parseRoute(words.join(' '));
      const body = { ...macs, network, to: formatPlace(to), from: formatPlace(from) };
      return withClient(async client => {
        const added = await client.call('createRoute', {}, { body });
        if (output === 'json') printJson(added);
        else print(`vnet/route/${added.index} added`);
      });
    });
  route
    .command('delete <index...>')
    .description('delete routes')
    .addHelpText('after', examples('v3 vnet route delete 3', 'v3 vnet route delete 3 4'))
    .action((indices: string[]) =>
      withClient(async client => {
        for (const index of indices) {
          await client.call('deleteRoute', { route: index });
          print(`vnet/route/${index} deleted`);
        }
      }),
    );
}
