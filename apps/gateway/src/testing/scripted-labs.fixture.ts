import { writeFile } from 'node:fs/promises';
import type { LabInfo } from '@v3vee/contracts';

export const scriptedLabs: LabInfo[] = [
  { name: 'good', summary: 'ends well', claims: ['twice as fast (a paper)'], minutes: 1, runs: 3 },
  { name: 'bad', summary: 'ends with an error', claims: [], minutes: 1, runs: 1 },
  { name: 'odd', summary: 'prints what is no result', claims: [], minutes: 1, runs: 1 },
  { name: 'long', summary: 'waits until it is told to end', claims: [], minutes: 1, runs: 1 },
  { name: 'deaf', summary: 'can only be killed, and has children', claims: [], minutes: 1, runs: 1 },
];

const row = {
  ...{ name: 'speed', unit: 'frames/s', ratio: 2.5, ratioSpread: null, claim: 'twice as fast (a paper)' },
  baseline: { name: 'plain', median: 2, min: 1, max: 3, n: 3 },
  ours: { name: 'ours', median: 5, min: 4, max: 6, n: 3 },
  target: { of: 'ratio', op: '>=', value: 2 },
  holds: true,
};
const missed = { ...row, name: 'time', baseline: null, ratio: null, claim: null, holds: false };

/** The command line's `lab` as the gateway sees it: arguments, progress, results, signals, its channel. */
const program = `
const { spawn } = require('node:child_process');
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const [, lab, ...options] = process.argv.slice(2);
const option = name => options[options.indexOf(name) + 1];
const tell = (number, detail) =>
  process.stderr.write(JSON.stringify({ step: 'step ' + number, number, of: 2, detail }) + '\\n');
if (lab === 'list') console.log(${JSON.stringify(JSON.stringify(scriptedLabs))});
else {
  if (options.includes('--runs') !== (lab === 'good')) throw new Error('runs: ' + options);
  mkdirSync(join(process.env.TMPDIR, 'v3-state'));
  tell(1, 'measuring');
  if (lab === 'good') {
    writeFileSync(option('--svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
    tell(2, process.env.V3_DATABASE_URL || process.env.V3_STATE_DIR || 'runs: ' + option('--runs'));
    console.log(JSON.stringify({ lab, results: ${JSON.stringify([row, missed])}, plots: [] }));
  } else if (lab === 'bad') {
    console.error('v3: Something went wrong: nothing was measured');
    process.exitCode = 1;
    process.disconnect();
  } else if (lab === 'odd') {
    console.log('{}');
    process.disconnect();
  } else {
    const stay = "setInterval(() => {}, 1e6); process.on('SIGTERM', () => {});";
    const child = spawn(process.execPath, ['-e', stay], { stdio: 'ignore', detached: lab === 'deaf' });
    if (lab === 'long') process.on('disconnect', () => process.exit(1));
    else process.on('SIGTERM', () => {});
    setInterval(() => {}, 1e6);
    tell(2, 'child ' + child.pid);
  }
  if (lab === 'good') process.disconnect();
}
`;

/** Writes it. @returns for the gateway's environment */
export async function scriptLabs(file: string): Promise<{ V3_LAB_PROGRAM: string }> {
  await writeFile(file, program);
  return { V3_LAB_PROGRAM: file };
}
