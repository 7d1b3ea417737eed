import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { examples, print } from '../output';
import { interrupted, onRepeatedInterrupt, paths } from '../session';
import { setUp } from '../set-up';
import { createTaskProgress } from '../terminal/progress';
import { endLeftovers, RUN_VARIABLE, settledLeftovers } from '../test-run/leftovers';
import { check, jest, type Stage, type StageContext } from '../test-run/stages';
import { add, failure, formatTotals, nothing, type Totals } from '../test-run/totals';

export function testCommand(program: Command): void {
  program
    .command('test [pattern...]')
    .description('set up and run all tests, or those in files whose path matches a pattern')
    .option('--soak', 'also the slow ones that run for many minutes')
    .addHelpText(
      'after',
      `${examples('v3 test', 'v3 test libs/overlay', 'v3 test --soak')}

Runs format check, lint, types, unit and integration tests, end-to-end tests, in this order. With a pattern: tests
only. The last line is "N passed, N failed"; the exit code is 0 when nothing failed.`,
    )
    .action(test);
}

function stages(patterns: string[], soak: boolean): Stage[] {
  const checks = [
    check('format', 'prettier', ['--check', '.']),
    check('lint', 'eslint', ['.']),
    check('types', 'tsc', ['--noEmit', '-p', 'tsconfig.json']),
    check('types of the web console', 'tsc', ['--noEmit', '-p', 'apps/console/tsconfig.json']),
  ];
  return [
    ...(patterns.length ? [] : checks),
    jest('unit and integration tests', 'jest.config.js', patterns),
    jest('end-to-end tests', 'jest.e2e.config.js', patterns),
    ...(soak ? [jest('soak tests', 'jest.soak.config.js', patterns)] : []),
  ];
}

async function test(patterns: string[], options: { soak?: boolean }): Promise<void> {
  const progress = createTaskProgress();
  try {
    await setUp(['debian'], progress);
  } finally {
    progress.done();
  }
  const run = randomUUID();
  onRepeatedInterrupt(() => process.stderr.write('still stopping the clusters of the tests\n'));
  const folder = temporaryFolder();
  const context: StageContext = {
    checkout: paths().checkout,
    env: testEnvironment(run, folder),
    signal: interrupted,
    report: 2,
  };
  let totals = nothing();
  try {
    for (const stage of stages(patterns, Boolean(options.soak))) {
      if (interrupted.aborted) break;
      totals = add(totals, await runStage(stage, context));
    }
    if (!interrupted.aborted) totals = add(totals, await requireNothingLeft(run));
  } finally {
    await endLeftovers(run);
    rmSync(folder, { recursive: true, force: true });
  }
  interrupted.throwIfAborted();
  if (totals.passed + totals.failed + totals.skipped === 0)
    totals = failure(`no test matches ${patterns.join(' ')}`);
  if (totals.failures.length > 0)
    process.stderr.write(`\nFailed:\n${totals.failures.map(what => `  ${what}\n`).join('')}`);
  print(formatTotals(totals));
  process.exitCode = totals.failed > 0 ? 1 : 0;
}

async function runStage(stage: Stage, context: StageContext): Promise<Totals> {
  const begin = Date.now();
  process.stderr.write(`── ${stage.title}\n`);
  const totals = await stage.run(context);
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  process.stderr.write(`── ${stage.title}: ${formatTotals(totals)} (${seconds} s)\n`);
  return totals;
}

/** A test that leaves a process running is broken, even if all it checked was right. */
async function requireNothingLeft(run: string): Promise<Totals> {
  const left = await settledLeftovers(run, 10_000);
  return left
    .map(({ pid, command }) => failure(`left running: process ${pid}: ${command}`))
    .reduce(add, nothing());
}

/** All that tests put into the temporary folder goes with it, also what an interrupted test could not remove. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'v3-test-'));
  chmodSync(folder, 0o711); // Postgres, started by root, runs as nobody and has its data in here
  return folder;
}

/** Tests bring their own cluster: what points to another one, or to a terminal's habits, is left out. */
function testEnvironment(run: string, folder: string): NodeJS.ProcessEnv {
  const { V3_URL: _url, V3_TOKEN: _token, V3_STATE_DIR: _state, NO_COLOR: _colour, ...env } = process.env;
  return { ...env, TMPDIR: folder, [RUN_VARIABLE]: run };
}
