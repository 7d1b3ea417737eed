import {
  failoverPolicies,
  MAX_SIMULATION_MS,
  vmSpec,
  V3Error,
  validate,
  type FailoverPolicy,
  type NicSpec,
  type VmSpecInput,
  type WifiNicSpec,
} from '@v3vee/contracts';
import type { Client, OperationEndpoint } from '@v3vee/client';
import { Option, type Command } from 'commander';
import { vmColumns } from '../columns';
import { wholeNumber } from '../options';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { addDisk, type DiskOption } from './disk/disk-option';
import { addWifi } from './wifi/nic-option';

interface Formatted {
  output: OutputFormat;
}

export function vmListing(vm: Command): void {
  withOutput(vm.command('list'))
    .description('list virtual machines')
    .option('--host <host>', 'on this host only')
    .addHelpText('after', examples('v3 vm list', 'v3 vm list --host alpha -o wide', 'v3 vm list -o json'))
    .action(({ output, host }: Formatted & { host?: string }) =>
      withClient(async client =>
        printList(
          await client.list('listVms', { host }),
          vmColumns,
          output,
          'There are no virtual machines.',
        ),
      ),
    );
  withOutput(vm.command('show <vm>'))
    .description('show one virtual machine')
    .addHelpText('after', examples('v3 vm show a1', 'v3 vm show a1 -o json'))
    .action((name: string, { output }: Formatted) =>
      withClient(async client => printOne(await client.call('getVm', { vm: name }), vmColumns, output)),
    );
}

interface CreateOptions extends Formatted {
  host: string;
  project?: string;
  memory?: string;
  image?: string;
  nic: NicSpec[];
  wifi: WifiNicSpec[];
  disk: DiskOption[];
  boot?: 'template' | 'cold';
  failover?: FailoverPolicy;
  checkpointEvery?: string;
  autostart?: boolean;
  start?: boolean;
}

export function vmCreation(vm: Command): void {
  withOutput(vm.command('create <vm>'))
    .description('define a virtual machine')
    .requiredOption('--host <host>', 'where it runs')
    .option('--project <project>', 'whose it is (default: your own, or "default")')
    .option('--memory <amount>', 'for example 64MiB, 1GiB (default: 64MiB)')
    .option('--image <image>', 'what it boots (default: debian)')
    .option(
      '--nic <spec>',
      'network=NAME[,mac=MAC][,ip=ADDRESS/PREFIX][,device=NIC[,access=vpio|passthrough|emulated]]; repeat for further NICs',
      addNic,
      [],
    )
    .option(
      '--wifi <spec>',
      'radio=NAME[,ssid=SSID[,passphrase=TEXT]][,mac=MAC][,ip=ADDRESS/PREFIX|dhcp]; repeat for further Wi-Fi NICs',
      addWifi,
      [],
    )
    .option(
      '--disk <spec>',
      'name=NAME,size=AMOUNT|image=DISK[,mount=PATH][,root][,readOnly][,cdrom]; repeat for further disks',
      addDisk,
      [],
    )
    .addOption(
      new Option('--boot <how>', 'from the post-boot template, or cold').choices(['template', 'cold']),
    )
    .addOption(
      new Option('--failover <policy>', 'what becomes of it when its host is lost').choices(failoverPolicies),
    )
    .option('--checkpoint-every <length>', 'with --failover checkpoint; for example 30s (the default), 5m')
    .option('--autostart', 'start it with the cluster')
    .option('--start', 'start it now')
    .addHelpText(
      'after',
      examples(
        'v3 vm create c1 --host alpha --nic network=lan,ip=10.10.0.31/24 --start',
        'v3 vm create big --host beta --memory 256MiB --boot cold --nic network=lan',
        'v3 vm create safe --host alpha --failover checkpoint --checkpoint-every 30s --nic network=lan',
        'v3 vm create card --host alpha --nic network=lan,device=eth0,access=vpio',
        'v3 vm create d1 --host alpha --nic network=lan --disk name=data,size=256MiB',
        'v3 vm create w1 --host alpha --image debian-wifi --wifi radio=radio0,ssid=home,ip=dhcp',
      ),
    )
    .action((name: string, options: CreateOptions) =>
      withClient(async client => {
        const body: VmSpecInput = {
          name,
          host: options.host,
          project: options.project,
          memoryMiB: options.memory === undefined ? undefined : bareNumberOr(options.memory),
          image: options.image,
          nics: options.nic,
          wifi: options.wifi,
          disks: options.disk as VmSpecInput['disks'],
          boot: options.boot,
          failover: options.failover,
          checkpointEvery:
            options.checkpointEvery === undefined ? undefined : bareNumberOr(options.checkpointEvery),
          autostart: options.autostart,
        };
        // Checked here for the exit code and the words; the gateway checks again.
        const created = await client.call('createVm', {}, { body: validate(vmSpec, body, 'USAGE') });
        if (options.start) await follow(client, 'startVm', name, `starting ${name}`);
        if (options.output === 'json') printJson(await client.call('getVm', { vm: created.id }));
        else print(`vm/${name} created${options.start ? ' and started' : ''}`);
      }),
    );
}

/** `--memory 64` means MiB, as in the cluster file. */
function bareNumberOr(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : text;
}

const nicKeys = ['network', 'mac', 'ip', 'device', 'access'] as const;
type NicKey = (typeof nicKeys)[number];
const isNicKey = (key: string | undefined): key is NicKey => nicKeys.some(known => known === key);

/** Split only: what it says is checked with the whole definition. */
function addNic(text: string, before: NicSpec[]): NicSpec[] {
  const nic: Partial<Record<NicKey, string>> = {};
  for (const part of text.split(',')) {
    const [key, value] = part.split(/=(.*)/s);
    if (!isNicKey(key) || !value || key in nic) {
      throw new V3Error(
        'USAGE',
        `--nic "${text}": "${part}" is not understood; write network=lan,mac=02:00:00:00:00:01,ip=10.10.0.31/24 ` +
          '(mac and ip may be left out), and for a physical card of the host device=eth0,access=vpio',
      );
    }
    nic[key] = value;
  }
  if (!nic.network) throw new V3Error('USAGE', `--nic "${text}" needs network=NAME`);
  return [...before, { ...nic, network: nic.network } as NicSpec];
}

interface CloneOptions {
  host?: string;
  snapshot?: string;
  count?: number;
  ip: string[];
}

/** The verbs that take a VM and nothing else: endpoint, description, what to say before and after. */
const verbs = {
  start: ['startVm', 'start it: from its post-boot template, or by a cold boot', 'starting', 'started'],
  stop: ['stopVm', 'stop it at once, as by pulling the plug', 'stopping', 'stopped'],
  pause: ['pauseVm', 'stop its core; its memory stays', 'pausing', 'paused'],
  resume: ['resumeVm', 'let it go on after a pause', 'resuming', 'resumed'],
  reset: ['resetVm', 'start it over, as by the reset button', 'resetting', 'reset'],
  delete: ['deleteVm', 'delete it; it has to be stopped. Its snapshots stay', 'deleting', 'deleted'],
} as const;

export function vmVerbs(vm: Command): void {
  for (const [verb, [endpoint, description, doing, done]] of Object.entries(verbs)) {
    vm.command(`${verb} <vm...>`)
      .description(description)
      .addHelpText('after', examples(`v3 vm ${verb} a1`, `v3 vm ${verb} a1 a2`))
      .action((names: string[]) =>
        withClient(async client => {
          for (const name of names) {
            await follow(client, endpoint, name, `${doing} ${name}`);
            print(`vm/${name} ${done}`);
          }
        }),
      );
  }
}

export function vmStates(vm: Command): void {
  vm.command('simulate <vm>')
    .description('let it, paused, run for some ms of guest time; then it is paused again')
    .requiredOption(
      '--ms <n>',
      `how many ms, 1 to ${MAX_SIMULATION_MS}`,
      wholeNumber('--ms', 1, MAX_SIMULATION_MS),
    )
    .addHelpText('after', examples('v3 vm pause a1', 'v3 vm simulate a1 --ms 250'))
    .action((name: string, { ms }: { ms: number }) =>
      withClient(async client => {
        await follow(client, 'simulateVm', name, `simulating ${name}`, { ms });
        print(`vm/${name} ran ${ms} ms of guest time and is paused`);
      }),
    );
  vm.command('move-core <vm> <core>')
    .description('move its virtual core to another core of its host; they count from 0')
    .addHelpText('after', examples('v3 vm move-core a1 2', 'v3 vm list -o wide'))
    .action((name: string, text: string) =>
      withClient(async client => {
        const core = wholeNumber('the core', 0, 4_095)(text);
        await follow(client, 'moveVmCore', name, `moving ${name} to core ${core}`, { core });
        print(`vm/${name} is on core ${core}`);
      }),
    );
  vm.command('snapshot <vm> <snapshot>')
    .description('save its memory and devices under a name')
    .addHelpText('after', examples('v3 vm snapshot a1 before-upgrade', 'v3 snapshot list --vm a1'))
    .action((name: string, snapshot: string) =>
      withClient(async client => {
        await follow(client, 'snapshotVm', name, `saving ${name}`, { name: snapshot });
        print(`vm/${name} saved as snapshot/${snapshot}`);
      }),
    );
  vm.command('restore <vm> <snapshot>')
    .description('go back to a saved state (its name, or a snapshot id)')
    .addHelpText('after', examples('v3 vm restore a1 before-upgrade'))
    .action((name: string, snapshot: string) =>
      withClient(async client => {
        await follow(client, 'restoreVm', name, `restoring ${name}`, { snapshot });
        print(`vm/${name} restored from snapshot/${snapshot}`);
      }),
    );
  vm.command('clone <vm> <clone>')
    .description('make a new VM that goes on from the present state of this one, or from a snapshot of it')
    .option('--host <host>', 'where the clone runs (default: where the original does)')
    .option('--snapshot <snapshot>', 'from this saved state instead of the present one')
    .option(
      '--count <n>',
      'so many clones of the snapshot: <clone>-1, <clone>-2, …',
      wholeNumber('--count', 1, 100),
    )
    .option(
      '--ip <address>',
      'address of its first NIC; repeat for further ones',
      (ip, all: string[]) => [...all, ip],
      [],
    )
    .addHelpText(
      'after',
      examples(
        'v3 vm clone a1 a3 --ip 10.10.0.13/24',
        'v3 vm clone a1 old --snapshot before-upgrade',
        'v3 vm clone a1 worker --snapshot ready --count 20',
      ),
    )
    .action((name: string, clone: string, { count, host, snapshot, ip }: CloneOptions) =>
      withClient(async client => {
        if (count !== undefined && (snapshot === undefined || ip.length > 0)) {
          throw new V3Error(
            'USAGE',
            '--count needs --snapshot, so that all are alike, and does without --ip',
          );
        }
        const clones =
          count === undefined ? [clone] : Array.from({ length: count }, (_, n) => `${clone}-${n + 1}`);
        for (const each of clones) {
          const ips = ip.length ? ip : undefined;
          await follow(client, 'cloneVm', name, `cloning ${name}`, { name: each, host, snapshot, ips });
          print(`vm/${each} cloned from vm/${name}`);
        }
      }),
    );
}

/** Calls a verb and shows how it goes until it is done. */
async function follow(
  client: Client,
  endpoint: OperationEndpoint,
  vm: string,
  title: string,
  body?: object,
): Promise<void> {
  const progress = createTaskProgress(process.stderr, { quiet: true });
  progress.step(title);
  try {
    // The verb's own body type was checked where it was built; the gateway validates it.
    const operate = client.operate.bind(client) as (
      name: string,
      params: object,
      options: object,
    ) => Promise<unknown>;
    await operate(
      endpoint,
      { vm },
      { body, signal: interrupted, onProgress: (text: string) => progress.update(text) },
    );
  } finally {
    progress.done();
  }
}
