import { nicModes, V3Error, type NicMode } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { examples, print, printJson, printList, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';
import { interfaceColumns } from '../../vnet-columns';
import { changedImpairment, withImpairment, type ImpairmentOptions } from './impairment-options';

interface Formatted {
  output: OutputFormat;
}
interface SetOptions extends Formatted, ImpairmentOptions {
  mode?: NicMode;
  optimisticInterrupts?: 'on' | 'off';
  spoofGuard?: 'on' | 'off';
  link?: 'up' | 'down';
}

export function interfaceCommands(vnet: Command): void {
  const nic = vnet.command('interface').description('NICs of virtual machines, as the overlay sees them');
  withOutput(nic.command('list'))
    .description('list NICs with their settings')
    .addHelpText('after', examples('v3 vnet interface list', 'v3 vnet interface list -o json'))
    .action(({ output }: Formatted) =>
      withClient(async client =>
        printList(await client.list('listInterfaces'), interfaceColumns, output, 'There are no NICs.'),
      ),
    );
  const onOff = (flags: string, description: string) => new Option(flags, description).choices(['on', 'off']);
  const set = nic
    .command('set <interface>')
    .description('change a NIC (a1/net0) while its VM runs or not; what is not named stays as it is')
    .addOption(new Option('--mode <mode>', 'who moves frames: VNET/P’s dispatch modes').choices(nicModes))
    .addOption(onOff('--optimistic-interrupts <state>', 'VNET/P+: interrupts before the frames are there'))
    .addOption(onOff('--spoof-guard <state>', 'drop what the guest sends from another address than its own'))
    .addOption(new Option('--link <state>', 'plug the cable in or out').choices(['up', 'down']));
  withOutput(withImpairment(set))
    .addHelpText(
      'after',
      examples(
        'v3 vnet interface set a1/net0 --mode adaptive --optimistic-interrupts on',
        'v3 vnet interface set a1/net0 --delay 10ms --loss 1% --rate 10mbit',
        'v3 vnet interface set a1/net0 --clear-impairment --link down',
      ),
    )
    .action(setInterface);
}

async function setInterface(name: string, options: SetOptions): Promise<void> {
  const [, vm = '', index] = /^([^/]+)\/(?:net|eth)?([0-3])$/.exec(name) ?? [];
  if (index === undefined) {
    throw new V3Error('USAGE', `"${name}" is not an interface; write the VM and its NIC: a1/net0`);
  }
  const flag = (text: 'on' | 'off' | 'up' | 'down' | undefined) =>
    text === undefined ? undefined : text === 'on' || text === 'up';
  await withClient(async client => {
    const { nics } = await client.call('getVm', { vm });
    const body = {
      mode: options.mode,
      optimisticInterrupts: flag(options.optimisticInterrupts),
      spoofGuard: flag(options.spoofGuard),
      linkUp: flag(options.link),
      impairment: changedImpairment(options, nics[Number(index)]?.settings.impairment ?? null),
    };
    const changed = await client.call('updateNic', { vm, nic: `net${index}` }, { body });
    if (options.output === 'json') printJson(changed);
    else print(`vnet/interface/${changed.vm}/${changed.name} changed`);
  });
}
