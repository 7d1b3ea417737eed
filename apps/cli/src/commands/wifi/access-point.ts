import { readFileSync } from 'node:fs';
import {
  accessPointPatch,
  accessPointSpec,
  deauthenticateRequest,
  V3Error,
  validate,
  type AccessPoint,
} from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { examples, print, printJson, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { formatFields, formatTable } from '../../terminal/table';
import { accessPointColumns, associatedColumns } from '../../wifi-columns';

interface Formatted {
  output: OutputFormat;
}
interface Settings extends Formatted {
  ssid?: string;
  passphrase?: string;
  passphraseFile?: string;
  channel?: number;
  network?: string;
  position?: number[];
  power?: number;
  beacon?: number;
  hidden?: boolean;
}

export function accessPointCommands(wifi: Command): void {
  const ap = wifi.command('ap').description('built-in access points, bridged into networks of the overlay');
  withOutput(ap.command('list'))
    .description('list access points')
    .addHelpText('after', examples('v3 wifi ap list', 'v3 wifi ap list -o wide'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(
          await client.list('listAccessPoints'),
          accessPointColumns,
          output,
          'There are no access points.',
        ),
      ),
    );
  withOutput(ap.command('show <ap>'))
    .description('show one access point with its stations')
    .addHelpText('after', examples('v3 wifi ap show home', 'v3 wifi ap show home -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => {
        const shown = await client.call('getAccessPoint', { accessPoint: name });
        if (output === 'json') printJson(shown);
        else print(describe(shown));
      }),
    );
  addCommand(ap);
  setCommand(ap);
  ap.command('remove <ap...>')
    .description('delete access points')
    .addHelpText('after', examples('v3 wifi ap remove home'))
    .action((names: string[]) =>
      withClient(async client => {
        for (const name of names) {
          await client.call('deleteAccessPoint', { accessPoint: name });
          print(`wifi/ap/${name} removed`);
        }
      }),
    );
  ap.command('deauth <ap> <station>')
    .description('throw a station off, by its address or as a1/wlan0; it may come back')
    .addHelpText(
      'after',
      examples('v3 wifi ap deauth home a1/wlan0', 'v3 wifi ap deauth home 02:00:00:00:00:01'),
    )
    .action((name: string, station: string) => {
      const body = validate(deauthenticateRequest, { station }, 'USAGE');
      return withClient(async client => {
        await client.call('deauthenticateStation', { accessPoint: name }, { body });
        print(`${station} was thrown off wifi/ap/${name}`);
      });
    });
}

function addCommand(ap: Command): void {
  const add = ap
    .command('add <ap>')
    .description('add an access point')
    .requiredOption('--ssid <ssid>', 'the network’s name: 1 to 32 bytes')
    .requiredOption('--channel <n>', 'of 20 MHz: 1 to 13, 36, 40 … 64, 100 … 144, 149 … 165', Number)
    .requiredOption('--network <network>', 'the overlay network that it bridges into');
  withOutput(withSettings(add))
    .addHelpText(
      'after',
      examples(
        'v3 wifi ap add home --ssid home --channel 6 --network lan --passphrase-file secret.txt',
        'v3 wifi ap add cafe --ssid "Café ⌂" --channel 36 --network lan --position 10,-2.5 --power 15',
      ),
    )
    .action((name: string, options: Settings) => {
      // Checked here for the exit code and the words; the gateway checks again.
      const spec = validate(accessPointSpec, { name, ...settings(options) }, 'USAGE');
      return withClient(async client => {
        const added = await client.call('createAccessPoint', {}, { body: spec });
        if (options.output === 'json') printJson(added);
        else print(`wifi/ap/${added.name} added`);
      });
    });
}

function setCommand(ap: Command): void {
  const set = ap
    .command('set <ap>')
    .description('change an access point; what is not named stays as it is')
    .option('--ssid <ssid>', 'the network’s name: 1 to 32 bytes')
    .option('--channel <n>', 'of 20 MHz: 1 to 13, 36, 40 … 64, 100 … 144, 149 … 165', Number)
    .option('--network <network>', 'the overlay network that it bridges into')
    .addOption(
      new Option('--open', 'without a passphrase from now on').conflicts(['passphrase', 'passphraseFile']),
    );
  withOutput(withSettings(set).option('--no-hidden', 'beacons with the SSID'))
    .addHelpText(
      'after',
      examples('v3 wifi ap set home --channel 11', 'v3 wifi ap set home --passphrase-file - < secret.txt'),
    )
    .action((name: string, options: Settings & { open?: boolean }) => {
      const { passphrase, ...others } = settings(options);
      const body = validate(
        accessPointPatch,
        { ...others, passphrase: options.open ? null : passphrase },
        'USAGE',
      );
      return withClient(async client => {
        const changed = await client.call('updateAccessPoint', { accessPoint: name }, { body });
        if (options.output === 'json') printJson(changed);
        else print(`wifi/ap/${changed.name} changed`);
      });
    });
}

function withSettings(command: Command): Command {
  return command
    .addOption(
      new Option('--passphrase <text>', 'of WPA2-PSK: 8 to 63 ASCII characters').conflicts('passphraseFile'),
    )
    .option('--passphrase-file <file>', 'where it is read from; "-" is standard input')
    .option('--position <x,y>', 'in metres', text => text.split(',').map(Number))
    .option('--power <dbm>', 'transmit power in dBm', Number)
    .option('--beacon <tu>', 'between two beacons, in TU of 1024 µs', Number)
    .option('--hidden', 'beacons without the SSID');
}

function settings(options: Settings) {
  const { ssid, channel, network, position, power, beacon, hidden, passphraseFile } = options;
  const passphrase = passphraseFile === undefined ? options.passphrase : readSecret(passphraseFile);
  const all = {
    ssid,
    channel,
    network,
    position,
    txPower: power,
    beaconInterval: beacon,
    hidden,
    passphrase,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Without the newline that editors put at the end. */
function readSecret(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new V3Error('USAGE', `${file} cannot be read (${code})`, { cause });
  }
}

function describe(accessPoint: AccessPoint): string {
  const { stations } = accessPoint;
  const fields = formatFields(accessPoint, accessPointColumns);
  return stations.length === 0 ? fields : `${fields}\n\n${formatTable(stations, associatedColumns)}`;
}
