import { spawn, type ChildProcess } from 'node:child_process';
import { lastWords, type LogFile } from './log-file';
import type { Running, Unit } from './unit';

export interface NodeServiceOptions {
  name: string;
  /** The compiled entry, for example apps/gateway/dist/main.js. */
  script: string;
  /** Asked at each start: what it names may have moved. */
  env: () => NodeJS.ProcessEnv;
  log: LogFile;
  /** Its HTTP port. Undefined: a free one, kept over restarts so that its address stays. */
  port?: number;
  /** How long it may take to become ready, ms. */
  readyMs?: number;
  /** How long it may take to stop in order, ms. */
  stopMs?: number;
}

/**
 * One of our own services. It says `{type: 'ready', url}` over IPC when it serves, and takes the loss of that
 * channel as its order to stop: so it never outlives us.
 */
export class NodeService implements Unit {
  readonly name: string;
  private lastPort: number | undefined;
  private lastGrpcPort: number | undefined;

  constructor(private readonly options: NodeServiceOptions) {
    this.name = options.name;
  }

  async start(signal: AbortSignal, onPid: (pid: number) => void): Promise<Running> {
    const { log, readyMs = 60_000 } = this.options;
    const logStart = log.size;
    const child = this.spawn();
    if (child.pid !== undefined) onPid(child.pid);
    const exited = exitOf(child).then(how => {
      const words = lastWords(log.readFrom(logStart));
      return words ? `${how}: ${words}` : how;
    });
    const ready = await Promise.race([
      readyAddresses(child),
      exited.then(why => new Error(why)),
      timeOrAbort(readyMs, signal),
    ]);
    if (ready instanceof Error) {
      // A start that hangs has nothing to save.
      if (signal.aborted) await stop(child, exited, 5_000);
      else kill(child);
      await exited;
      // It may have been a port, which someone else took meanwhile.
      this.lastPort = this.lastGrpcPort = undefined;
      throw ready;
    }
    const { url, grpc } = ready;
    if (url !== null) this.lastPort = Number(new URL(url).port) || undefined;
    if (grpc !== undefined) this.lastGrpcPort = Number(new URL(`http://${grpc}`).port) || undefined;
    return {
      pid: child.pid as number,
      url,
      grpc,
      exited,
      stop: () => stop(child, exited, this.options.stopMs ?? 10_000),
      kill: () => kill(child),
    };
  }

  private spawn(): ChildProcess {
    const { script, env, log, port } = this.options;
    const grpc = this.lastGrpcPort === undefined ? {} : { V3_GRPC_PORT: String(this.lastGrpcPort) };
    return spawn(process.execPath, [script], {
      env: { ...env(), V3_HTTP_PORT: String(port ?? this.lastPort ?? 0), ...grpc },
      stdio: ['ignore', log.descriptor, log.descriptor, 'ipc'],
      // Its own session: Ctrl-C on the terminal reaches us alone, and we stop the services in order.
      detached: true,
    });
  }
}

interface Addresses {
  url: string | null;
  grpc: string | undefined;
}

/** The addresses a service says it is ready at; null and undefined where it has none. */
function readyAddresses(child: ChildProcess): Promise<Addresses> {
  return new Promise(resolve =>
    child.on('message', (message: { type?: unknown; url?: unknown; grpc?: unknown } | null) => {
      if (message?.type !== 'ready') return;
      const { url, grpc } = message;
      resolve({
        url: typeof url === 'string' ? loopback(url) : null,
        grpc: typeof grpc === 'string' ? new URL(loopback(`http://${grpc}`)).host : undefined,
      });
    }),
  );
}

/** A service that listens on every address is reached from here by the loopback. */
function loopback(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (['0.0.0.0', '[::]'].includes(url.hostname)) url.hostname = '127.0.0.1';
  return url.origin;
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.on('error', error => resolve(`it cannot be started: ${error.message}`));
    child.on('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `exit code ${code}`));
  });
}

function timeOrAbort(ms: number, signal: AbortSignal): Promise<Error> {
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(new Error(`not ready after ${ms / 1000} s`)), ms);
    timer.unref();
    const abort = () => resolve(new Error('stopped before it was ready'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
}

async function stop(child: ChildProcess, exited: Promise<unknown>, graceMs: number): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => kill(child), graceMs);
  await exited;
  clearTimeout(timer);
}

/** With everything it started. */
function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
