import type { Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { formatTable } from '../../terminal/table';
import { counterColumns, counterRows } from '../../vnet-columns';
import { controlCommand } from './control';
import { interfaceCommands } from './interface';
import { linkCommands } from './link';
import { routeCommands } from './route';

export function vnetCommands(program: Command): void {
  const vnet = program.command('vnet').description('the overlay: routes, links, interfaces');
  for (const add of [routeCommands, linkCommands, interfaceCommands, statsCommand, controlCommand]) add(vnet);
}

function statsCommand(vnet: Command): void {
  withOutput(vnet.command('stats'))
    .description('what the hosts’ cores, the router and the links counted; zeros are left out')
    .addHelpText('after', examples('v3 vnet stats', 'v3 vnet stats -o json'))
    .action(({ output }: { output: OutputFormat }) =>
      withClient(async client => {
        const stats = await client.call('vnetStats', {});
        if (output === 'json') printJson(stats);
        else print(formatTable(counterRows(stats), counterColumns));
        for (const name of stats.unreachable) process.stderr.write(`${name} does not answer.\n`);
      }),
    );
}
