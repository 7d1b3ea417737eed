import { spawn, type ChildProcess } from 'node:child_process';
import { findProgram } from './run';

/** A server that we started and that must not outlive us. */
export interface Daemon {
  url: string;
  pid: number;
  /** Resolves once it has ended, with how: `code 1`, `signal SIGKILL`. */
  exited: Promise<string>;
  /** Ends it in order; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface DaemonSpawn {
  args: string[];
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** The signal that ends it in order. */
  stopSignal: NodeJS.Signals;
  /** Its output, line by line. */
  onLine?: (line: string) => void;
}

const STOP_TIMEOUT_MS = 20_000;

export interface SpawnedDaemon {
  child: ChildProcess;
  exited: Promise<string>;
  /** The last lines that it printed, for an error message. */
  lastLines(): string;
  stop(): Promise<void>;
}

/**
 * Starts a server. On Linux it is told to end when we do (PR_SET_PDEATHSIG, prctl(2)), so that not even a
 * `kill -9` of ours leaves it behind.
 */
export function spawnDaemon(program: string, options: DaemonSpawn): SpawnedDaemon {
  const { args, env, uid, gid, stopSignal } = options;
  const setpriv = findProgram('setpriv');
  // setpriv changes the user itself: a change of user after it would clear the death signal again.
  const wrapped = setpriv
    ? [
        ...(uid === undefined ? [] : ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']),
        ...['--pdeathsig', stopSignal.replace(/^SIG/, ''), program, ...args],
      ]
    : args;
  const child = spawn(setpriv ?? program, wrapped, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A Ctrl-C at the terminal is ours to handle: servers stop after the services that need them.
    detached: true,
    ...(setpriv ? {} : { uid, gid }),
  });
  const lines: string[] = [];
  const hear = (text: string) => {
    for (const line of text.split('\n').filter(Boolean)) {
      lines.push(line);
      if (lines.length > 20) lines.shift();
      options.onLine?.(line);
    }
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const exited = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ? `signal ${signal}` : `code ${code}`));
  });
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    child.kill(stopSignal);
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(killer);
  };
  return { child, exited, lastLines: () => lines.join('\n'), stop: () => (stopping ??= stop()) };
}
