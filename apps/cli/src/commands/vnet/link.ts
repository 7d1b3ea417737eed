import { linkTypes, validate, vnetLinkSpec } from '@v3vee/contracts';
import { Argument, type Command } from 'commander';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { linkColumns } from '../../vnet-columns';
import { changedImpairment, withImpairment, type ImpairmentOptions } from './impairment-options';

interface Formatted {
  output: OutputFormat;
}
interface AddOptions extends Formatted, ImpairmentOptions {
  name?: string;
  network?: string;
  local?: string;
  localPort?: string;
  vni?: string;
  mtu?: string;
  down?: boolean;
}

export function linkCommands(vnet: Command): void {
  const link = vnet.command('link').description('links to peers outside of the cluster: UDP, TCP, VXLAN');
  withOutput(link.command('list'))
    .description('list links and how they are')
    .addHelpText('after', examples('v3 vnet link list', 'v3 vnet link list -o wide'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listLinks'), linkColumns, output, 'There are no links.'),
      ),
    );
  withOutput(link.command('show <link>'))
    .description('show one link, by name or index')
    .addHelpText('after', examples('v3 vnet link show wan', 'v3 vnet link show 1 -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => printOne(await client.call('getLink', { link: name }), linkColumns, output)),
    );
  addCommand(link);
  setCommand(link);
  for (const [verb, up] of [
    ['up', true],
    ['down', false],
  ] as const) {
    link
      .command(`${verb} <link...>`)
      .description(up ? 'let frames pass again' : 'let nothing pass; the link stays defined')
      .addHelpText('after', examples(`v3 vnet link ${verb} wan`))
      .action((names: string[]) =>
        withClient(async client => {
          for (const name of names) {
            await client.call('updateLink', { link: name }, { body: { up } });
            print(`vnet/link/${name} is to be ${verb}`);
          }
        }),
      );
  }
  link
    .command('delete <link...>')
    .description('delete links that no route leads over')
    .addHelpText('after', examples('v3 vnet link delete wan'))
    .action((names: string[]) =>
      withClient(async client => {
        for (const name of names) {
          await client.call('deleteLink', { link: name });
          print(`vnet/link/${name} deleted`);
        }
      }),
    );
}

function addCommand(link: Command): void {
  const add = link
    .command('add')
    .argument('<address>', 'IP address of the peer')
    .argument('[port]', 'of the peer (default: 9000, for vxlan 4789)')
    .addArgument(new Argument('[type]', 'how frames travel').choices(linkTypes))
    .description('add a link, in the words of the original language')
    .option('--name <name>', 'what to call it (default: link- and its index)')
    .option('--network <network>', 'what it joins (default: the only one)')
    .option('--local <address>', 'where we listen (default: the loopback address)')
    .option('--local-port <port>', 'where we listen (default: 9000, for vxlan 4789)')
    .option('--vni <n>', 'vxlan: the number on the wire (default: the network’s)')
    .option('--mtu <bytes>', 'largest IP packet (default: 1500, for vxlan 1450)')
    .option('--down', 'let nothing pass yet');
  withOutput(withImpairment(add))
    .addHelpText(
      'after',
      examples(
        'v3 vnet link add 192.0.2.1 9000 udp --name site --local 0.0.0.0',
        'v3 vnet link add 192.0.2.7 4789 vxlan --name kernel --vni 42 --local 192.0.2.1 --mtu 1450',
      ),
    )
    .action((remote: string, port: string | undefined, type: string | undefined, options: AddOptions) => {
      const { name, network, local, localPort, vni, mtu, down, output } = options;
      const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
      const body = {
        ...{ name, type, network, remote, local, remotePort: number(port), localPort: number(localPort) },
        ...{ vni: number(vni), mtu: number(mtu), up: !down, impairment: changedImpairment(options, null) },
      };
      // Checked here for the exit code and the words; the gateway checks again.
      const spec = validate(vnetLinkSpec, body, 'USAGE');
      return withClient(async client => {
        const added = await client.call('createLink', {}, { body: spec });
        if (output === 'json') printJson(added);
        else print(`vnet/link/${added.name} added`);
      });
    });
}

function setCommand(link: Command): void {
  const set = link
    .command('set <link>')
    .description('change a link; what is not named stays as it is')
    .option('--mtu <bytes>', 'largest IP packet', Number);
  withOutput(withImpairment(set))
    .addHelpText(
      'after',
      examples(
        'v3 vnet link set wan --delay 20ms --jitter 2ms --loss 0.5%',
        'v3 vnet link set wan --clear-impairment',
      ),
    )
    .action((name: string, options: Formatted & ImpairmentOptions & { mtu?: number }) =>
      withClient(async client => {
        const present = await client.call('getLink', { link: name });
        const body = { mtu: options.mtu, impairment: changedImpairment(options, present.impairment) };
        const changed = await client.call('updateLink', { link: name }, { body });
        if (options.output === 'json') printJson(changed);
        else print(`vnet/link/${changed.name} changed`);
      }),
    );
}
