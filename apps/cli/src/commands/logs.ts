import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pause, stateFiles } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { LogReader } from '../log-view';
import { formatLogLine, parseLogLine } from '../log-line';
import { examples, print } from '../output';
import { interrupted, paths } from '../session';

interface LogOptions {
  follow?: boolean;
  tail?: number;
  raw?: boolean;
}

const POLL_MS = 200;

export function logsCommand(program: Command): void {
  program
    .command('logs [service]')
    .description('print the log of a service, or of all; works also when the cluster is down')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-n, --tail <lines>', 'the last lines only (default: all of the present log file)', readCount)
    .option('--raw', 'as written: one JSON object a line')
    .addHelpText('after', examples('v3 logs', 'v3 logs palacios-alpha -f', 'v3 logs gateway -n 50 --raw'))
    .action(logs);
}

async function logs(service: string | undefined, options: LogOptions): Promise<void> {
  const folder = stateFiles(paths().state).logs;
  const names = await serviceNames(folder);
  if (names.length === 0)
    throw new V3Error('NOT_RUNNING', 'there are no logs: no cluster was started here yet');
  if (service !== undefined && !names.includes(service)) {
    throw new V3Error('USAGE', `there is no log of "${service}"; there are: ${names.join(', ')}`);
  }
  const readers = new Map<string, LogReader>();
  for (let first = true; ; first = false) {
    // A host that was added meanwhile writes a log of its own.
    const wanted = service === undefined ? await serviceNames(folder) : [service];
    const entries: Entry[] = [];
    for (const name of wanted) {
      const reader = readers.get(name) ?? new LogReader(join(folder, `${name}.log`));
      readers.set(name, reader);
      for (let lines = await reader.read(); lines.length > 0; lines = await reader.read()) {
        entries.push(...lines.map(line => ({ name, line, time: timeOf(line) })));
      }
    }
    if (service === undefined) sortByTime(entries);
    const shown = first && options.tail !== undefined ? entries.slice(-options.tail) : entries;
    const width = service === undefined ? Math.max(...wanted.map(name => name.length)) + 1 : 0;
    for (const { name, line } of shown) {
      const prefix = width ? name.padEnd(width) : '';
      print(options.raw ? line : `${prefix}${formatLogLine(parseLogLine(line))}`);
    }
    if (!options.follow) return;
    await pause(POLL_MS, interrupted);
  }
}

interface Entry {
  name: string;
  line: string;
  time: number;
}

function timeOf(line: string): number {
  return Number(/"time":(\d+)/.exec(line)?.[1] ?? Number.NaN);
}

/** A line without a time belongs to the entry before it. */
function sortByTime(entries: Entry[]): void {
  let last = 0;
  for (const entry of entries) last = entry.time = Number.isNaN(entry.time) ? last : entry.time;
  entries.sort((a, b) => a.time - b.time);
}

async function serviceNames(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    throw error;
  });
  return files.filter(file => file.endsWith('.log')).map(file => file.slice(0, -'.log'.length));
}

function readCount(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new V3Error('USAGE', `--tail is "${text}"; it takes a number of lines`);
}
