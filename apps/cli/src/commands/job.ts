import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { readJobOutput, runJob, type Client } from '@v3vee/client';
import { jobLimits, jobSpec, V3Error, validate, type Job } from '@v3vee/contracts';
import { programPath, PROGRAMS } from '@v3vee/native';
import { Option, type Command } from 'commander';
import { jobColumns } from '../job-columns';
import { wholeNumber } from '../options';
import { examples, print, printJson, printList, printOne, withOutput, type OutputFormat } from '../output';
import { interrupted, withClient } from '../session';

interface Formatted {
  output: OutputFormat;
}

interface RunOptions extends Formatted {
  host?: string;
  ranks?: number;
  memory?: string;
  env?: Record<string, string>;
  timeout?: number;
  share?: boolean;
  detach?: boolean;
}

/** After Ctrl-C there is no signal left that a call could wait under. */
const KILL_MS = 10_000;

export function jobCommands(program: Command): void {
  const job = program.command('job').description('native jobs: WebAssembly programs on a host’s own cores');
  running(job);
  listing(job);
  ending(job);
}

function running(job: Command): void {
  withOutput(job.command('run <program> [args...]'))
    .description('run a WebAssembly (WASI) binary, a rank on each of some cores; prints what the ranks print')
    .option('--host <host>', 'where (default: the host with the most free cores)')
    .option('--ranks <number>', 'how many (default: 1)', wholeNumber('--ranks', 1, jobLimits.ranks))
    .option('--memory <size>', 'of each rank, all of it from the start (default: 16MiB)')
    .option('--env <name=value>', 'a variable for the ranks; may be repeated', variable)
    .option(
      '--timeout <seconds>',
      'end it after so long (default: 600)',
      wholeNumber('--timeout', 1, jobLimits.timeoutSeconds),
    )
    .option('--share', 'its ranks may be put on cores that others are on, and take turns with them')
    .option('-d, --detach', 'do not wait for its end')
    .addHelpText(
      'after',
      `${examples(
        'v3 job run stream.wasm',
        'v3 job run --host alpha --ranks 2 --memory 64MiB hpccg.wasm 24 100',
        'v3 job run --ranks 4 --timeout 30 -- ./mine.wasm --verbose',
      )}

Where there is no such file, a program that comes with Kitten is meant: ${PROGRAMS.map(name => `${name}.wasm`).join(', ')}.
Exit code: that of the rank that failed; 1 where the job failed otherwise or was killed. Ctrl-C kills the job.
With -o json the job is printed at its end, and its output is left to "v3 job output".`,
    )
    .action(run);
}

async function run(program: string, args: string[], options: RunOptions): Promise<void> {
  const { host, ranks, memory, env, timeout: timeoutSeconds, share, detach, output } = options;
  const memoryMiB = memory === undefined ? undefined : validate(jobSpec.shape.memoryMiB, memory, 'USAGE');
  await withClient(async client => {
    const spec = { host, ranks, memoryMiB, args, env, timeoutSeconds, share, program: basename(program) };
    const begun = await runJob(client, { ...spec, file: binaryFile(program) }, interrupted);
    if (detach) {
      if (output === 'json') printJson(begun);
      else print(`job/${begun.id} runs on ${begun.host}`);
      return;
    }
    const ended = await untilEnd(client, begun.id, output !== 'json');
    if (output === 'json') printJson(ended);
    if (ended.state === 'COMPLETED') return;
    process.stderr.write(`v3: job ${ended.id} ${ended.state.toLowerCase()}: ${ended.reason}\n`);
    process.exitCode = ended.exitCode || 1;
  });
}

async function untilEnd(client: Client, job: string, printed: boolean): Promise<Job> {
  try {
    for await (const { stream, data } of readJobOutput(client, job, { follow: true, signal: interrupted })) {
      if (printed) process[stream].write(data);
    }
    return await client.call('getJob', { job });
  } catch (thrown) {
    if (interrupted.aborted) await client.call('killJob', { job }, { body: {}, timeoutMs: KILL_MS });
    throw thrown;
  }
}

/** @throws V3Error USAGE */
function binaryFile(program: string): string {
  if (existsSync(program)) return program;
  const known = PROGRAMS.find(name => program === name || program === `${name}.wasm`);
  if (known) return programPath(known);
  throw new V3Error(
    'USAGE',
    `there is no file ${program}; with Kitten come ${PROGRAMS.map(name => `${name}.wasm`).join(', ')}`,
  );
}

/** @throws V3Error USAGE */
function variable(text: string, others: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new V3Error('USAGE', `--env is "${text}"; it takes NAME=VALUE`);
  return { ...others, [text.slice(0, at)]: text.slice(at + 1) };
}

function listing(job: Command): void {
  withOutput(job.command('list'))
    .description('list jobs; those of a Kitten that was restarted are gone')
    .option('--host <host>', 'of this host only')
    .addHelpText('after', examples('v3 job list', 'v3 job list --host alpha -o json'))
    .action(({ output, host }: Formatted & { host?: string }) =>
      withClient(async client =>
        printList(await client.list('listJobs', { host }), jobColumns, output, 'There are no jobs.'),
      ),
    );
  withOutput(job.command('show <job>'))
    .description('show one job')
    .addHelpText('after', examples('v3 job show alpha-1f2e3d4c-1'))
    .action((id: string, { output }: Formatted) =>
      withClient(async client => printOne(await client.call('getJob', { job: id }), jobColumns, output)),
    );
  job
    .command('output <job>')
    .description('print what its ranks printed, each stream to its own')
    .option('-f, --follow', 'until it has ended')
    .option('--rank <number>', 'of this rank only', wholeNumber('--rank', 0, jobLimits.ranks - 1))
    .addOption(new Option('--stream <stream>', 'of this stream only').choices(['stdout', 'stderr']))
    .addHelpText(
      'after',
      examples('v3 job output alpha-1f2e3d4c-1', 'v3 job output alpha-1f2e3d4c-1 --rank 1 --stream stderr'),
    )
    .action((id: string, query: { follow?: boolean; rank?: number; stream?: 'stdout' | 'stderr' }) =>
      withClient(async client => {
        for await (const { stream, data } of readJobOutput(client, id, { ...query, signal: interrupted })) {
          process[stream].write(data);
        }
      }),
    );
}

function ending(job: Command): void {
  job
    .command('kill <job>')
    .description('end all ranks of a job')
    .addHelpText('after', examples('v3 job kill alpha-1f2e3d4c-1'))
    .action((id: string) =>
      withClient(async client => {
        const { state, reason } = await client.call('killJob', { job: id }, { body: {} });
        print(state === 'KILLED' ? `job/${id} killed` : `job/${id} had ended: ${state}, ${reason}`);
      }),
    );
  job
    .command('delete <job>')
    .description('forget a job that has ended, and its output')
    .addHelpText('after', examples('v3 job delete alpha-1f2e3d4c-1'))
    .action((id: string) =>
      withClient(async client => {
        await client.call('deleteJob', { job: id });
        print(`job/${id} deleted`);
      }),
    );
}
