import { writeFile } from 'node:fs/promises';
import type { Client } from '@v3vee/client';
import { labLimits, V3Error, type LabRunDetail } from '@v3vee/contracts';
import type { Command } from 'commander';
import { labRowColumns, labRunColumns } from '../lab-columns';
import { wholeNumber } from '../options';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatTable } from '../terminal/table';
import { progressText } from './lab';

interface Formatted {
  output: OutputFormat;
}

/** How often it is asked how far a run is, ms. */
const LOOK_MS = 1_000;

export function labRunCommands(program: Command): void {
  const labrun = program
    .command('labrun')
    .description('runs of labs by the cluster, which keeps their results; "v3 lab NAME" needs no cluster');
  starting(labrun);
  listing(labrun);
  ending(labrun);
}

function starting(labrun: Command): void {
  withOutput(labrun.command('start <lab>'))
    .description('begin a run; one at a time')
    .option('--runs <count>', 'repetitions of each measurement', wholeNumber('--runs', 1, labLimits.runs))
    .option('-d, --detach', 'do not wait for its end')
    .addHelpText(
      'after',
      `${examples('v3 labrun start router', 'v3 labrun start vnet --runs 2 --detach')}

Ctrl-C ends the waiting, not the run: "v3 labrun cancel" does that.`,
    )
    .action((lab: string, { runs, detach, output }: Formatted & { runs?: number; detach?: boolean }) =>
      withClient(async client => {
        const begun = await client.call('runLab', { lab }, { body: { runs } });
        if (detach) {
          if (output === 'json') printJson(begun);
          else print(`labrun/${begun.id} runs`);
          return;
        }
        process.stderr.write(`labrun/${begun.id}\n`);
        const ended = await untilEnd(client, begun.id);
        printRun(ended, output);
        if (ended.state !== 'COMPLETED') throw new V3Error('PROCESS_FAILED', ended.reason);
      }),
    );
}

async function untilEnd(client: Client, labrun: string): Promise<LabRunDetail> {
  const progress = createTaskProgress();
  let told = '';
  try {
    for (;;) {
      const run = await client.call('getLabRun', { labrun });
      if (run.endedAt !== null) return run;
      const text = run.progress ? progressText(run.progress) : run.reason;
      if (text !== told) progress.step(`lab ${run.lab}: ${text}`);
      told = text;
      await new Promise(resolve => setTimeout(resolve, LOOK_MS));
      interrupted.throwIfAborted();
    }
  } finally {
    progress.done();
  }
}

function printRun(run: LabRunDetail, output: OutputFormat): void {
  printOne(run, labRunColumns, output);
  if (output !== 'json' && run.rows.length > 0) print(`\n${formatTable(run.rows, labRowColumns)}`);
}

function listing(labrun: Command): void {
  withOutput(labrun.command('list'))
    .description('list runs, newest first')
    .option('--lab <lab>', 'of this lab only')
    .addHelpText('after', examples('v3 labrun list', 'v3 labrun list --lab vnet -o json'))
    .action(({ output, lab }: Formatted & { lab?: string }) =>
      withClient(async client =>
        printList(
          await client.list('listLabRuns', { lab }),
          labRunColumns,
          output,
          'No lab has been run by this cluster.',
        ),
      ),
    );
  withOutput(labrun.command('show <labrun>'))
    .description('show a run and its results')
    .option('--svg <file>', 'also write its drawing into this file')
    .addHelpText(
      'after',
      examples('v3 labrun show 0d7d5f6e-… -o json', 'v3 labrun show 0d7d5f6e-… --svg router.svg'),
    )
    .action((id: string, { output, svg }: Formatted & { svg?: string }) =>
      withClient(async client => {
        const run = await client.call('getLabRun', { labrun: id });
        if (svg !== undefined) {
          await writeFile(svg, (await client.call('getLabRunPlot', { labrun: id })).svg);
        }
        printRun(run, output);
      }),
    );
}

function ending(labrun: Command): void {
  labrun
    .command('cancel <labrun>')
    .description('end a run and all that it started')
    .addHelpText('after', examples('v3 labrun cancel 0d7d5f6e-…'))
    .action((id: string) =>
      withClient(async client => {
        const { reason } = await client.call('cancelLabRun', { labrun: id }, { body: {} });
        print(`labrun/${id}: ${reason}`);
      }),
    );
  labrun
    .command('delete <labrun>')
    .description('forget a run that has ended, and its results')
    .addHelpText('after', examples('v3 labrun delete 0d7d5f6e-…'))
    .action((id: string) =>
      withClient(async client => {
        await client.call('deleteLabRun', { labrun: id });
        print(`labrun/${id} deleted`);
      }),
    );
}
