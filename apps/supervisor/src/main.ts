import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { parseTopology, V3Error, type Topology } from '@v3vee/contracts';
import { resolvePaths } from '@v3vee/setup';
import pino, { type Logger } from 'pino';
import { AnchorLink } from './anchor-link';
import { createInfrastructure } from './infrastructure';
import { LogFile } from './log-file';
import type { SupervisorMessage } from '@v3vee/client';
import { readOptions, type SupervisorOptions } from './options';
import { logOf, type ServiceSettings } from './services';
import { StateWriter } from './state-writer';
import { StopRequests } from './stop-requests';
import { Supervisor } from './supervisor';

/** Tells the process that started us, if it still listens. */
function tell(message: SupervisorMessage): void {
  if (process.connected) process.send?.(message, () => {}); // it may end in this moment
}

async function main(options: SupervisorOptions): Promise<number> {
  const paths = resolvePaths();
  const wanted = readTopology(options.file);
  const files = new StateWriter(paths.state);
  const log = createLog(join(files.files.logs, 'supervisor.log'));
  const logs = new Map<string, LogFile>();
  const anchor = new AnchorLink();
  const infrastructure = createInfrastructure({
    paths,
    anchor,
    logPath: name => logOf({ logs, logFolder: files.files.logs }, name).path,
    env: process.env,
  });
  const settings: ServiceSettings = {
    ...paths,
    tokenFile: files.files.token,
    logs,
    logFolder: files.files.logs,
    listen: options.listen,
    port: options.port,
    natsUrl: infrastructure.natsUrl,
    databaseUrl: infrastructure.databaseUrl,
    infrastructure: infrastructure.members.map(({ unit }) => unit.name),
  };
  const supervisor = new Supervisor(options, settings, infrastructure, anchor, files, log);
  supervisor.on('progress', text => tell({ type: 'progress', text }));
  const stopped = new Promise<void>(resolve => supervisor.on('stopped', resolve));
  const stops = new StopRequests(supervisor, text => tell({ type: 'notice', text }));
  stops.listen(options.detach);

  let exitCode = 0;
  try {
    await supervisor.acquire();
    await bringUp(supervisor, options, wanted, files, log);
  } catch (thrown) {
    if (!supervisor.isStopping) {
      const error = V3Error.from(thrown);
      log.error({ err: error.cause ?? error, code: error.code }, error.message);
      tell({ type: 'failed', problem: error.toProblem() });
      exitCode = 1;
      await supervisor.down();
    }
  }
  await stopped;
  await supervisor.release();
  return stops.killed ? 137 : exitCode;
}

async function bringUp(
  supervisor: Supervisor,
  options: SupervisorOptions,
  wanted: Topology,
  files: StateWriter,
  log: Logger,
): Promise<void> {
  // What was changed by hand since (`v3 vm create`) is not undone by a file that is as it was.
  const apply = options.apply || JSON.stringify(files.readTopology()) !== JSON.stringify(wanted);
  const url = await supervisor.up(wanted, apply);
  try {
    const changes = apply ? await supervisor.apply(wanted) : [];
    tell({ type: 'up', url, grpc: supervisor.grpc, changes });
  } catch (thrown) {
    if (supervisor.isStopping) return;
    const error = V3Error.from(thrown);
    log.error({ err: error, code: error.code }, 'the topology could not be applied');
    tell({ type: 'apply-failed', problem: error.toProblem(), url });
  }
}

function readTopology(file: string): Topology {
  try {
    return parseTopology(readFileSync(file, 'utf8'), file);
  } catch (error) {
    if (error instanceof V3Error) throw error;
    throw new V3Error('CLUSTER_FILE_UNREADABLE', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

function createLog(file: string): Logger {
  new LogFile(file).close(); // makes the folder, with its permissions
  return pino(
    { name: 'supervisor', base: { name: 'supervisor' } },
    pino.destination({ dest: file, sync: true }),
  );
}

async function run(): Promise<number> {
  try {
    return await main(readOptions(process.argv.slice(2)));
  } catch (thrown) {
    const error = V3Error.from(thrown);
    tell({ type: 'failed', problem: error.toProblem() });
    process.stderr.write(`${error.stack}\n`);
    return error.exitCode;
  }
}

// Never process.exit before the last message is out.
void run().then(code => {
  process.exitCode = code;
  if (process.connected) process.disconnect();
  setTimeout(() => process.exit(code), 1_000).unref();
});
