import { V3Error, validate, wifiPositionRequest, wifiSnrRequest } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { airtimeColumns, stationColumns, wifiEventColumns, wifiLinkColumns } from '../../wifi-columns';

interface Formatted {
  output: OutputFormat;
}

/** Stations, and the air between them and the access points. */
export function mediumCommands(wifi: Command): void {
  withOutput(wifi.command('station').description('the Wi-Fi NICs of virtual machines').command('list'))
    .description('list Wi-Fi NICs: what they are connected to, how well, what they did')
    .addHelpText('after', examples('v3 wifi station list', 'v3 wifi station list -o wide'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listStations'), stationColumns, output, 'There are no Wi-Fi NICs.'),
      ),
    );
  withOutput(wifi.command('airtime'))
    .description('what each address took of the medium: its share of the last 10 s, and in all')
    .addHelpText('after', examples('v3 wifi airtime', 'v3 wifi airtime -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listAirtime'), airtimeColumns, output, 'Nobody is on the air.'),
      ),
    );
  withOutput(wifi.command('link').description('how antennas hear each other').command('list'))
    .description('list how strongly each antenna is heard by each other')
    .addHelpText('after', examples('v3 wifi link list', 'v3 wifi link list -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(
          await client.list('listWifiLinks'),
          wifiLinkColumns,
          output,
          'There are no two antennas on the air.',
        ),
      ),
    );
  withOutput(wifi.command('events'))
    .description('list what happened at access points, newest first')
    .addHelpText('after', examples('v3 wifi events', 'v3 wifi events -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listWifiEvents'), wifiEventColumns, output, 'Nothing happened yet.'),
      ),
    );
  snrCommand(wifi);
  positionCommand(wifi);
}

function snrCommand(wifi: Command): void {
  wifi
    .command('set-snr <a> <b> <db>')
    .description('fix the SNR between two antennas, in both directions; "auto": by position and power again')
    .addHelpText(
      'after',
      examples('v3 wifi set-snr alpha/radio0 ap/home 12', 'v3 wifi set-snr alpha/radio0 ap/home auto'),
    )
    .action((a: string, b: string, text: string) => {
      const snr = text === 'auto' ? null : decimal(text, 'a number of dB, or auto');
      const body = validate(wifiSnrRequest, { a, b, snr }, 'USAGE');
      return withClient(async client => {
        await client.call('setWifiSnr', {}, { body });
        print(`between ${a} and ${b}: ${snr === null ? 'by position' : `${snr} dB`}`);
      });
    });
}

function positionCommand(wifi: Command): void {
  wifi
    .command('set-position <id> <x> [y]')
    .description('move a radio (alpha/radio0) or an access point (ap/home), in metres; "none": nowhere')
    .addHelpText(
      'after',
      examples('v3 wifi set-position ap/home 12.5 -3', 'v3 wifi set-position alpha/radio0 none'),
    )
    .action((id: string, x: string, y: string | undefined) => {
      const body = validate(wifiPositionRequest, { id, position: parsePosition(x, y) }, 'USAGE');
      return withClient(async client => {
        const { position } = await client.call('setWifiPosition', {}, { body });
        print(`${id} is ${position === null ? 'nowhere' : `at ${position.join(', ')}`}`);
      });
    });
}

function parsePosition(x: string, y: string | undefined): [number, number] | null {
  if (x === 'none' && y === undefined) return null;
  const wanted = 'two numbers of metres, or none';
  if (y === undefined) throw new V3Error('USAGE', `"${x}" is no position; write ${wanted}`);
  return [decimal(x, wanted), decimal(y, wanted)];
}

function decimal(text: string, wanted: string): number {
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(text)) return Number(text);
  throw new V3Error('USAGE', `"${text}" is not understood; write ${wanted}`);
}
