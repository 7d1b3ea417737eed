import { execInVm, vmConditions, waitForVm, type VmCondition } from '@v3vee/client';
import { V3Error, type Telemetry, type Vm } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { examples, print, printJson, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatFields, formatTable } from '../terminal/table';
import { formatBytes } from '../terminal/quantities';

const seconds =
  (option: string, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && value <= max) return value;
    throw new V3Error('USAGE', `${option} is "${text}"; it takes seconds, more than 0 and at most ${max}`);
  };

/** More than any command line tool reads at once; the agent's own limit is near. */
const MAX_INPUT_BYTES = 512 * 1024;

export function vmExec(vm: Command): void {
  vm.command('exec <vm> <command...>')
    .description('run a command in the guest; its output and exit code become those of this command')
    .option('-i, --stdin', 'pass standard input to the command')
    .option('--timeout <seconds>', 'end it after so long (default: 60)', seconds('--timeout', 3600))
    .addHelpText(
      'after',
      `${examples(
        'v3 vm exec a1 -- uname -a',
        'v3 vm exec a1 -- ping -c 3 b1',
        "v3 vm exec a1 --timeout 5 -- sh -c 'sleep 3; date'",
        'tar c dir | v3 vm exec -i a1 -- tar x -C /tmp',
      )}

Exit code: the command's own; 128 + N where signal N ended it in the guest. Where it could not be run (no such VM,
no agent, time over), a line beginning with "v3:" on standard error says so, and the exit code is 1 (2 for wrong usage).`,
    )
    .action((name: string, command: string[], options: { stdin?: boolean; timeout?: number }) =>
      withClient(async client => {
        const outcome = await execInVm(client, name, command, {
          input: options.stdin ? await readInput() : undefined,
          timeoutSeconds: options.timeout,
          signal: interrupted,
        });
        process.stdout.write(outcome.stdout);
        process.stderr.write(outcome.stderr);
        if (outcome.truncated)
          process.stderr.write('v3: the output was longer than the guest agent keeps; the rest is lost\n');
        process.exitCode = outcome.exitCode;
      }),
    );
}

async function readInput(): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > MAX_INPUT_BYTES) {
      throw new V3Error(
        'USAGE',
        `standard input has more than ${MAX_INPUT_BYTES / 1024} KiB, which exec does not take`,
      );
    }
  }
  return Buffer.concat(parts);
}

export function vmWait(vm: Command): void {
  vm.command('wait <vm>')
    .description('wait until a virtual machine is in a condition')
    .addOption(
      new Option('--for <condition>', 'agent: the guest agent answers; ip: and the guest has an address')
        .choices(vmConditions)
        .makeOptionMandatory(),
    )
    .option('--timeout <seconds>', 'give up after so long (default: 60)', seconds('--timeout', 86_400))
    .addHelpText('after', examples('v3 vm wait a1 --for=running', 'v3 vm wait a1 --for=ip --timeout 30'))
    .action((name: string, options: { for: VmCondition; timeout?: number }) =>
      withClient(async client => {
        const progress = createTaskProgress(process.stderr, { quiet: true });
        progress.step(`waiting until ${name} is "${options.for}"`);
        try {
          const found = await waitForVm(client, name, options.for, {
            timeoutMs: (options.timeout ?? 60) * 1000,
            signal: interrupted,
            onProgress: text => progress.update(text),
          });
          progress.done();
          print(`vm/${name} ${reached(found, options.for)}`);
        } finally {
          progress.done();
        }
      }),
    );
}

function reached(vm: Vm, condition: VmCondition): string {
  if (condition === 'agent') return 'has an agent that answers';
  return condition === 'ip' ? `has ${vm.nics.flatMap(nic => nic.ips).join(', ')}` : `is ${condition}`;
}

export function vmStats(vm: Command): void {
  withOutput(vm.command('stats <vm>'))
    .description('its exits to the VMM by kind and port, its time, the counters of its NICs and disks')
    .addHelpText('after', examples('v3 vm stats a1', 'v3 vm stats a1 -o json'))
    .action((name: string, { output }: { output: OutputFormat }) =>
      withClient(async client => {
        const telemetry = await client.call('vmTelemetry', { vm: name });
        if (output === 'json') printJson(telemetry);
        else print(describe(telemetry));
      }),
    );
}

function describe(telemetry: Telemetry): string {
  const summary = formatFields(telemetry, [
    { title: 'VM', value: t => t.vm },
    { title: 'HOST', value: t => t.host },
    { title: 'INSTRUCTIONS', value: t => t.instructions },
    { title: 'GUEST-TIME', value: t => `${t.guestSeconds.toFixed(1)} s` },
    { title: 'IDLE-TIME', value: t => `${t.idleSeconds.toFixed(1)} s` },
  ]);
  const exits = formatTable(
    Object.entries(telemetry.exits).sort(([, a], [, b]) => b.count - a.count),
    [
      { title: 'EXIT', value: ([kind]) => kind },
      { title: 'COUNT', value: ([, exit]) => exit.count },
    ],
  );
  const ports = formatTable(telemetry.ports, [
    { title: 'PORT', value: port => `0x${port.port.toString(16).padStart(4, '0')}` },
    { title: 'OWNER', value: port => port.owner },
    { title: 'READS', value: port => port.reads },
    { title: 'WRITES', value: port => port.writes },
  ]);
  const nics = formatTable(telemetry.nics, [
    { title: 'NIC', value: nic => nic.name },
    { title: 'MAC', value: nic => nic.mac },
    { title: 'RX-PACKETS', value: nic => nic.receivePackets },
    { title: 'RX', value: nic => formatBytes(nic.receiveBytes) },
    { title: 'TX-PACKETS', value: nic => nic.transmitPackets },
    { title: 'TX', value: nic => formatBytes(nic.transmitBytes) },
    { title: 'DROPPED', value: nic => Object.values(nic.dropped).reduce((sum, count) => sum + count, 0) },
  ]);
  const disks = formatTable(telemetry.disks, [
    { title: 'DISK', value: disk => disk.name },
    { title: 'READS', value: disk => disk.readRequests },
    { title: 'READ', value: disk => formatBytes(disk.readBytes) },
    { title: 'WRITES', value: disk => disk.writeRequests },
    { title: 'WRITTEN', value: disk => formatBytes(disk.writeBytes) },
    { title: 'FLUSHES', value: disk => disk.flushes },
    { title: 'REFUSED', value: disk => disk.refused },
    { title: 'STALLS', value: disk => disk.stalls },
  ]);
  return [summary, exits, ports, nics, ...(telemetry.disks.length > 0 ? [disks] : [])].join('\n\n');
}
