import { stateFiles, type SupervisorMessage } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import type { Command } from 'commander';
import { Interrupted, formatError } from '../errors';
import { LogView } from '../log-view';
import { examples, print } from '../output';
import { control, interrupted, leaveSignalsToCommand, paths } from '../session';
import { imagesOf, setUp } from '../set-up';
import { SupervisorProcess } from '../supervisor-process';
import { createTaskProgress } from '../terminal/progress';
import { readTopologyFile } from '../topology-file';
import { describeChanges } from './apply';

interface UpOptions {
  file?: string;
  detach?: boolean;
  listen?: string;
  port?: string;
}

export function upCommand(program: Command): void {
  program
    .command('up')
    .description('start the cluster; Ctrl-C stops it in order and saves its guests')
    .option(
      '-f, --file <file>',
      'apply this cluster file (default: cluster.yaml of the checkout, when it changed)',
    )
    .option('-d, --detach', 'return when everything runs; "v3 down" stops it')
    .option(
      '--listen <address>',
      'address of the REST interface (default: 127.0.0.1, reachable from this machine only)',
    )
    .option('--port <port>', 'port of the REST interface (default: a free one)', readPort)
    .addHelpText(
      'after',
      `${examples('v3 up', 'v3 up --detach', 'v3 up -f my-cluster.yaml --port 8080')}

$NATS_URL and $DATABASE_URL name a running NATS server or Postgres database to use instead of ours.`,
    )
    .action(up);
}

async function up(options: UpOptions): Promise<void> {
  const { path, topology, locate } = readTopologyFile(options.file);
  if (path === '-') throw new V3Error('USAGE', 'up needs a file that stays: -f - works with "v3 apply" only');
  await requireNotRunning();
  const progress = createTaskProgress();
  try {
    await raceInterruption(setUp(imagesOf(topology), progress));
  } finally {
    progress.done();
  }
  leaveSignalsToCommand();
  const view = new LogView(stateFiles(paths().state).logs, line => progress.line(line));
  let begun = false;
  let failure: V3Error | undefined;
  let settle: () => void = () => {};
  const started = new Promise<void>(resolve => (settle = resolve));
  const onMessage = (message: SupervisorMessage) => {
    switch (message.type) {
      case 'progress':
        // While it runs, what its services report matters, not a spinner.
        if (begun) progress.line(`v3: ${message.text}`);
        else progress.step(message.text);
        return;
      case 'notice':
        return progress.line(`v3: ${message.text}`);
      case 'failed':
        failure = V3Error.fromProblem(message.problem);
        return settle();
      case 'apply-failed':
        begun = true;
        failure = locate(V3Error.fromProblem(message.problem)) as V3Error;
        progress.done();
        progress.line(applyFailureNote(message.url));
        return settle();
      case 'up':
        begun = true;
        progress.done();
        announce(message, describeChanges(message.changes), options);
        return settle();
    }
  };
  progress.step('starting the cluster');
  const supervisor = SupervisorProcess.start(
    { ...options, file: path, apply: options.file !== undefined, detach: Boolean(options.detach) },
    onMessage,
  );
  const stops = new StopKeys(supervisor);
  const exited = supervisor.exited();
  try {
    await Promise.race([started, exited]);
    if (!begun || !options.detach) {
      if (begun && failure) progress.line(formatError(failure));
      if (begun) await view.follow();
      const code = await exited;
      progress.done();
      if (stops.count >= KILLS) {
        process.stderr.write('v3: killed; what its guests did since they were last saved is lost\n');
        throw new Interrupted();
      }
      if (failure) throw failure;
      if (!begun) throw stops.count > 0 ? new Interrupted() : died(code);
      if (code !== 0) throw died(code);
      return;
    }
    if (failure) throw failure;
  } finally {
    stops.off();
    view.stop();
    progress.done();
    supervisor.release();
  }
}

/** The supervisor takes the third request to stop as: at once. */
const KILLS = 3;

/** Ctrl-C and its like go to the supervisor, as often as they come. */
class StopKeys {
  count = 0;
  private readonly signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  private readonly handle = () => {
    this.count++;
    this.supervisor.requestStop();
  };

  constructor(private readonly supervisor: SupervisorProcess) {
    for (const signal of this.signals) process.on(signal, this.handle);
  }

  off(): void {
    for (const signal of this.signals) process.off(signal, this.handle);
  }
}

function announce(
  { url, grpc }: { url: string; grpc?: string },
  changes: string[],
  { detach, listen }: UpOptions,
): void {
  for (const change of changes) print(change);
  print(`The cluster is up: ${url} (web console; REST documentation at ${url}/docs)`);
  if (grpc !== undefined) print(`gRPC (v3vee.v1, with reflection) is at ${grpc}.`);
  print('"v3 console" lets a browser in.');
  if (listen !== undefined && !/^(127\.|::1$|localhost$)/.test(listen)) {
    print(`Others can reach it at ${listen}. They need the token, which travels unencrypted.`);
  }
  print(
    detach ? '"v3 vm list" shows its machines, "v3 down" stops it.' : 'Ctrl-C stops it and saves its guests.',
  );
}

function applyFailureNote(url: string): string {
  return `v3: The cluster runs at ${url}, but is not what its file says: correct it and run "v3 apply -f FILE", or "v3 down"`;
}

function readPort(text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return text;
  throw new V3Error('USAGE', `--port is "${text}"; a port is a number from 1 to 65535`);
}

async function requireNotRunning(): Promise<void> {
  const running = await control().status();
  if (!running) return;
  const where = running.url ? `at ${running.url}` : `(it is ${running.state})`;
  throw new V3Error('ALREADY_RUNNING', `${where}, supervised by process ${running.pid}; "v3 down" stops it`);
}

function died(code: number): V3Error {
  if (code === 0) return new V3Error('NOT_RUNNING', 'it was stopped while it started');
  return new V3Error(
    'PROCESS_FAILED',
    `the supervisor ended with exit code ${code}; see "v3 logs supervisor"`,
  );
}

function raceInterruption<T>(work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) =>
      interrupted.addEventListener('abort', () => reject(interrupted.reason as Error), { once: true }),
    ),
  ]);
}
