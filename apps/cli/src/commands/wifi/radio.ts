import type { RadioView } from '@v3vee/contracts';
import type { Command } from 'commander';
import { parseAntenna } from '../../options';
import { examples, print, printJson, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { formatFields, formatTable } from '../../terminal/table';
import { bssColumns, radioColumns, slotColumns } from '../../wifi-columns';

interface Formatted {
  output: OutputFormat;
}

export function radioCommands(wifi: Command): void {
  const radio = wifi.command('radio').description('the radios of all hosts, which their guests share');
  withOutput(radio.command('list'))
    .description('list radios: channels, airtime, how many Wi-Fi NICs')
    .addHelpText('after', examples('v3 wifi radio list', 'v3 wifi radio list -o wide'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listRadios'), radioColumns, output, 'There are no radios.'),
      ),
    );
  withOutput(radio.command('show <radio>'))
    .description('show one radio (alpha/radio0) with its channel schedule')
    .addHelpText(
      'after',
      examples('v3 wifi radio show alpha/radio0', 'v3 wifi radio show alpha/radio0 -o json'),
    )
    .action((name: string, { output }: Formatted) => {
      const id = parseAntenna(name);
      return withClient(async client => {
        const shown = await client.call('getRadio', { radio: id });
        if (output === 'json') printJson(shown);
        else print(describe(shown));
      });
    });
  withOutput(wifi.command('scan <radio>'))
    .description('list what a radio (alpha/radio0) hears: one line for each access point')
    .addHelpText('after', examples('v3 wifi scan alpha/radio0', 'v3 wifi scan alpha/radio0 -o json'))
    .action((name: string, { output }: Formatted) => {
      const id = parseAntenna(name);
      return withClient(async client => {
        const heard = await client.list('listBss', {}, { radio: id });
        printList(heard, bssColumns, output, `${id} hears no access point.`);
      });
    });
}

function describe(radio: RadioView): string {
  const schedule = radio.status?.schedule ?? [];
  const fields = formatFields(radio, radioColumns);
  return schedule.length === 0 ? fields : `${fields}\n\n${formatTable(schedule, slotColumns)}`;
}
