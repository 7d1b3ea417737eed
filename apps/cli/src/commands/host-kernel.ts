import { V3Error, type TaskPolicy } from '@v3vee/contracts';
import type { Command } from 'commander';
import { aspaceColumns, aspaceRows, regionColumns, taskColumns } from '../kernel-columns';
import { wholeNumber } from '../options';
import { examples, print, printJson, printOne, withOutput, type OutputFormat } from '../output';
import { withClient } from '../session';
import { memoryBar } from '../terminal/memory-bar';
import { formatTable } from '../terminal/table';

/** What a host's kernel has given to whom, and how it shares its cores. */
export function hostKernel(host: Command): void {
  withOutput(host.command('memory <host>'))
    .description('its physical memory by region, and its address spaces')
    .addHelpText('after', examples('v3 host memory alpha', 'v3 host memory alpha -o json'))
    .action((name: string, { output }: { output: OutputFormat }) =>
      withClient(async client => {
        const memory = await client.call('hostMemory', { host: name });
        if (output === 'json') return printJson(memory);
        print(memoryBar(memory));
        print(`\n${formatTable(memory.regions, regionColumns)}`);
        print(`\n${formatTable(aspaceRows(memory.aspaces), aspaceColumns)}`);
      }),
    );
  withOutput(host.command('tasks <host>'))
    .description('its tasks: who has which core (*), and for how long each had one')
    .addHelpText('after', examples('v3 host tasks alpha', 'v3 host tasks alpha -o json'))
    .action((name: string, { output }: { output: OutputFormat }) =>
      withClient(async client => {
        const tasks = await client.call('hostTasks', { host: name });
        if (output === 'json') return printJson(tasks);
        print(
          formatTable(
            tasks.tasks,
            taskColumns.filter(({ wide }) => output === 'wide' || !wide),
          ),
        );
        const { schedHz, overcommit, contextSwitches } = tasks;
        print(`\n${schedHz} Hz, ${overcommit} guests to a core, ${contextSwitches} context switches`);
      }),
    );
  withOutput(host.command('schedule <host> <task>'))
    .description(
      'reserve a slice of each period of its core for a VM or a native task, or schedule it round robin',
    )
    .option(
      '--slice <ms>',
      'of each period, before all that is round robin',
      wholeNumber('--slice', 10, 10_000),
    )
    .option('--period <ms>', 'in which it gets the slice, 10 to 10000', wholeNumber('--period', 10, 10_000))
    .option('--rr', 'round robin, as it was at first')
    .addHelpText(
      'after',
      examples('v3 host schedule alpha a1 --slice 30 --period 100', 'v3 host schedule alpha a1 --rr'),
    )
    .action((name: string, task: string, { output, ...options }: Options & { output: OutputFormat }) =>
      withClient(async client => {
        const body = { task, policy: policyOf(options) };
        printOne(await client.call('scheduleTask', { host: name }, { body }), taskColumns, output);
      }),
    );
}

interface Options {
  slice?: number;
  period?: number;
  rr?: boolean;
}

function policyOf({ slice, period, rr }: Options): TaskPolicy {
  if (rr && slice === undefined && period === undefined) return { kind: 'rr' };
  if (!rr && slice !== undefined && period !== undefined) {
    return { kind: 'edf', sliceMs: slice, periodMs: period };
  }
  throw new V3Error('USAGE', 'a task is scheduled by --slice and --period, or by --rr alone');
}
