import { V3Error, type DmmPolicy, type DmmPolicyPatch } from '@v3vee/contracts';
import { Option, type Command } from 'commander';
import { policyColumns } from '../../dmm-columns';
import { parseDevice } from '../../options';
import { examples, print, printJson, printOne, withOutput, type OutputFormat } from '../../output';
import { withClient } from '../../session';

interface PolicyOptions {
  output: OutputFormat;
  slice?: number;
  reusable?: number;
  onFrame?: boolean;
  onViolation?: DmmPolicy['onViolation'];
}

export function policyCommand(dmm: Command): void {
  const policy = dmm
    .command('policy <device>')
    .description('show how a device is shared, or change it; what is not named stays as it is')
    .option('--slice <time>', 'how long a guest keeps it while others wait: 1ms to 10s', time('--slice'))
    .option(
      '--reusable <time>',
      'how long a switch waits until it is reusable, before it is forced: 1ms to 10s',
      time('--reusable'),
    )
    .option('--on-frame', 'a frame for a guest without it is a reason to switch')
    .option('--no-on-frame', 'such a frame waits until that guest gets it by itself')
    .addOption(
      new Option(
        '--on-violation <what>',
        'after a denied DMA the access has no effect, or the VM stops',
      ).choices(['deny', 'stop']),
    );
  withOutput(policy)
    .addHelpText(
      'after',
      examples(
        'v3 dmm policy alpha/eth0',
        'v3 dmm policy alpha/eth0 --slice 20ms --reusable 250ms',
        'v3 dmm policy alpha/eth0 --no-on-frame --on-violation stop',
      ),
    )
    .action((name: string, options: PolicyOptions) => {
      const device = parseDevice(name);
      const { output, slice, reusable, onFrame, onViolation } = options;
      const body: DmmPolicyPatch = { sliceMs: slice, reusableMs: reusable, onFrame, onViolation };
      const isChange = Object.values(body).some(value => value !== undefined);
      return withClient(async client => {
        if (!isChange) {
          printOne((await client.call('getDevice', { device })).policy, policyColumns, output);
          return;
        }
        const { policy } = await client.call('updateDevicePolicy', { device }, { body });
        if (output === 'json') printJson(policy);
        else print(`dmm/policy/${device} changed`);
      });
    });
}

/** Whole milliseconds. */
function time(option: string): (text: string) => number {
  return text => {
    const [, amount, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s)?$/.exec(text) ?? [];
    const value = Number(amount) * (unit === 's' ? 1_000 : 1);
    if (Number.isInteger(value) && value >= 1 && value <= 10_000) return value;
    throw new V3Error('USAGE', `${option} is "${text}"; it takes a time from 1ms to 10s: 20ms, 0.5s`);
  };
}
