import { openConsole } from '@v3vee/client';
import type { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import { percentile, row, type LabRow } from '../../result';
import { answer, startChild } from './child';
import { EchoTest } from './echo';
import type { Load } from './open-loop';
import { vmName } from './topology';

const MOST_ADDED_MS = 50;
/** Keys a second: of somebody who types fast, and of a key that repeats or a text that is pasted slowly. */
const PACES = [
  { name: 'typed', rate: 8, seconds: 5 },
  { name: 'fast', rate: 50, seconds: 5 },
] as const;

/** Keys at a console by way of the gateway, in turns with keys at the serial device of a guest in a process of the lab. */
export async function consoleEcho(context: LabContext, { client }: LabCluster): Promise<LabRow[]> {
  const vm = vmName(1);
  context.progress('a guest whose serial device is typed at directly');
  const { child } = await startChild(context, 'serial-guest');
  const session = await openConsole(client, vm);
  context.cleanup(() => void session.stream.destroy());
  const test = new EchoTest({
    write: text => session.stream.write(text),
    onOutput: heard => session.stream.on('data', heard),
  });
  const sides = {
    async device(pace: (typeof PACES)[number]): Promise<Load> {
      const load = answer<Load>(child, 'serial-guest');
      child.send(pace);
      return load;
    },
    gateway: (pace: (typeof PACES)[number]) => test.run(pace, context.signal),
  };
  const rows: LabRow[] = [];
  for (const pace of PACES) {
    // The first keys are the first that the guest's translated code sees.
    for (const side of [sides.device, sides.gateway]) await side({ ...pace, seconds: 1 } as never);
    const device: Load[] = [];
    const gateway: Load[] = [];
    for (let run = 0; run < context.runs; run++) {
      context.progress(`${pace.rate} keys/s, ${run + 1} of ${context.runs}`);
      for (const which of run % 2 ? ['gateway', 'device'] : ['device', 'gateway']) {
        const load = await sides[which as keyof typeof sides](pace);
        if (load.failures.length > 0) throw new Error(`${which}: ${load.failures[0]}`);
        (which === 'device' ? device : gateway).push(load);
      }
    }
    const at = (share: number, loads: Load[]) =>
      loads.map(({ latenciesMs }) => percentile(latenciesMs, share));
    for (const [name, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const beside = at(share, device);
      rows.push(
        row({
          ...{ name: `echo of a key, ${pace.rate}/s (${pace.name}), ${name}`, unit: 'ms', paired: true },
          baseline: { name: 'serial device', values: beside },
          ours: { name: 'console', values: at(share, gateway) },
        }),
        row({
          name: `added to the guest’s own echo, ${pace.rate}/s (${pace.name}), ${name}`,
          unit: 'ms',
          ours: {
            name: 'console less device',
            values: at(share, gateway).map((ms, run) => ms - (beside[run] as number)),
          },
          target: { of: 'ours', op: '<=', value: MOST_ADDED_MS },
        }),
      );
    }
  }
  session.stream.destroy();
  return rows;
}
