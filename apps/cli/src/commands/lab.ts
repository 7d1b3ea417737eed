import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { examples, print, printJson } from '../output';
import { interrupted, onRepeatedInterrupt } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatTable as formatRows } from '../terminal/table';

export function labCommands(program: Command): void {
  program
    .command('lab [name]')
    .description('run an experiment beside its baseline; "v3 lab list" names them all')
    .option('--json', 'print the figures as JSON')
    .option('--runs <count>', 'repetitions of each measurement', readRuns)
    .option('--svg <file>', 'also draw them into this file')
    .addHelpText('after', examples('v3 lab list', 'v3 lab start', 'v3 lab start --json --runs 3'))
    .action(lab);
}

async function lab(name = 'list', options: { json?: boolean; runs?: number; svg?: string }): Promise<void> {
  const { labs, runLab, formatTable, formatSvg } = await loadLabs();
  if (name === 'list') return list(Object.values(labs), options.json);
  const chosen = Object.hasOwn(labs, name) ? labs[name] : undefined;
  if (!chosen) {
    throw new V3Error('USAGE', `there is no lab "${name}"; there are: ${Object.keys(labs).join(', ')}`);
  }
  const progress = createTaskProgress();
  progress.step(`lab ${name}`);
  onRepeatedInterrupt(() => progress.line('still stopping the clusters of this lab'));
  try {
    const result = await runLab(chosen, {
      runs: options.runs,
      progress: text => progress.step(text),
      signal: interrupted,
    });
    progress.done();
    if (options.json) printJson(result);
    else print(formatTable(result));
    if (options.svg !== undefined) {
      const { writeFile } = await import('node:fs/promises');
      await writeFile(options.svg, formatSvg(result));
    }
  } finally {
    progress.done();
  }
}

/** Loaded when needed: labs bring half the house with them, and every `v3` command would wait for that. */
async function loadLabs(): Promise<typeof import('@v3vee/lab')> {
  const module = await import('@v3vee/lab');
  // A real import() of CommonJS: what it exports is the default export.
  return (module as unknown as { default: typeof module }).default;
}

function list(all: { name: string; summary: string; defaultRuns: number }[], json = false): void {
  if (json)
    return printJson(all.map(({ name, summary, defaultRuns }) => ({ name, summary, runs: defaultRuns })));
  print(
    formatRows(all, [
      { title: 'NAME', value: lab => lab.name },
      { title: 'RUNS', value: lab => lab.defaultRuns },
      { title: 'WHAT', value: lab => lab.summary },
    ]),
  );
}

function readRuns(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new V3Error('USAGE', `--runs is "${text}"; it takes a number from 1 to 9999`);
}
