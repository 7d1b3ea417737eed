import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { ensureStateFolder, type SupervisorMessage } from '@v3vee/client';
import { V3Error } from '@v3vee/contracts';
import { paths } from './session';

export interface SupervisorArguments {
  file: string;
  /** Apply the file even if it is what was applied last. */
  apply: boolean;
  detach: boolean;
  listen?: string;
  port?: string;
}

/** The supervisor in a process of its own, in a session of its own: it hears of Ctrl-C from us alone. */
export class SupervisorProcess {
  private constructor(private readonly child: ChildProcess) {}

  static start(
    options: SupervisorArguments,
    onMessage: (message: SupervisorMessage) => void,
  ): SupervisorProcess {
    const { checkout, state } = paths();
    const { logs } = ensureStateFolder(state);
    const output = openSync(join(logs, 'supervisor.log'), 'a', 0o600);
    const args = ['--file', options.file];
    if (options.apply) args.push('--apply');
    if (options.detach) args.push('--detach');
    if (options.listen !== undefined) args.push('--listen', options.listen);
    if (options.port !== undefined) args.push('--port', options.port);
    const script = join(checkout, 'apps', 'supervisor', 'dist', 'main.js');
    const child = spawn(process.execPath, [script, ...args], {
      // The folder it was started from may be removed while it runs.
      cwd: checkout,
      stdio: ['ignore', output, output, 'ipc'],
      detached: true,
    });
    closeSync(output);
    child.on('message', message => onMessage(message as SupervisorMessage));
    child.on('error', () => {}); // `exit` says it
    return new SupervisorProcess(child);
  }

  /** Passes on a Ctrl-C: the first stops in order, the second asks what it waits for, the third kills. */
  requestStop(): void {
    if (this.child.connected) this.child.send({ type: 'stop' });
  }

  /** Its exit code, when it has ended. */
  exited(): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.child.pid === undefined) {
        return reject(new V3Error('PROCESS_FAILED', 'the supervisor cannot be started'));
      }
      if (this.child.exitCode !== null) return resolve(this.child.exitCode);
      this.child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
    });
  }

  /** Lets it run on without us. */
  release(): void {
    if (this.child.connected) this.child.disconnect();
    this.child.unref();
  }
}
