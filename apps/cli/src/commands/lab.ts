import { labLimits, V3Error, type LabInfo, type LabProgress } from '@v3vee/contracts';
import type { Lab } from '@v3vee/lab';
import { Option, type Command } from 'commander';
import { wholeNumber } from '../options';
import { examples, print, printJson } from '../output';
import { endWithStarter, interrupted, onRepeatedInterrupt } from '../session';
import { createTaskProgress } from '../terminal/progress';
import { formatTable as formatRows } from '../terminal/table';

export function labCommands(program: Command): void {
  program
    .command('lab [name]')
    .description('run an experiment beside its baseline; "v3 lab list" names them all')
    .option('--json', 'print the figures as JSON')
    .option('--runs <count>', 'repetitions of each measurement', wholeNumber('--runs', 1, labLimits.runs))
    .option('--svg <file>', 'also draw them into this file')
    .addOption(
      new Option('--progress <form>', 'how far it is, on standard error: lines for people, or JSON lines')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addHelpText('after', examples('v3 lab list', 'v3 lab start', 'v3 lab start --json --runs 3'))
    .action(lab);
}

interface LabOptions {
  json?: boolean;
  runs?: number;
  svg?: string;
  progress: 'text' | 'json';
}

async function lab(name = 'list', options: LabOptions): Promise<void> {
  const { labs, runLab, formatTable, formatSvg } = await loadLabs();
  if (name === 'list') return list(Object.values(labs), options.json);
  const chosen = Object.hasOwn(labs, name) ? labs[name] : undefined;
  if (!chosen) {
    throw new V3Error('USAGE', `there is no lab "${name}"; there are: ${Object.keys(labs).join(', ')}`);
  }
  const progress = createTaskProgress();
  const tell = (how: LabProgress) => {
    if (options.progress === 'json') process.stderr.write(`${JSON.stringify(how)}\n`);
    else progress.step(`lab ${name}: ${progressText(how)}`);
  };
  endWithStarter();
  onRepeatedInterrupt(() => progress.line('still stopping the clusters of this lab'));
  try {
    const result = await runLab(chosen, {
      runs: options.runs,
      progress: tell,
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

/** `2 of 4, from the template: 3 of 10`. */
export const progressText = ({ step, number, of, detail }: LabProgress): string =>
  [of > 0 ? `${number} of ${of}, ${step}` : step, detail].filter(Boolean).join(': ');

type Listed = Pick<Lab, 'name' | 'summary' | 'defaultRuns' | 'claims' | 'minutes'>;

function list(all: Listed[], json = false): void {
  if (json)
    return printJson(
      all.map(({ name, summary, defaultRuns, claims, minutes }): LabInfo => ({
        ...{ name, summary, claims: [...claims], minutes },
        runs: defaultRuns,
      })),
    );
  print(
    formatRows(all, [
      { title: 'NAME', value: lab => lab.name },
      { title: 'RUNS', value: lab => lab.defaultRuns },
      { title: 'MINUTES', value: lab => `about ${lab.minutes}` },
      { title: 'WHAT', value: lab => lab.summary },
      { title: 'PUBLISHED', value: lab => lab.claims.join('; ') },
    ]),
  );
}
