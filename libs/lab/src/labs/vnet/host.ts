import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { LabContext } from '../../lab';
import type { HostCalls, Request, Response } from './protocol';

/** The built file: also when the lab itself runs from its sources, in a test. */
const PROGRAM = join(__dirname, '../../../dist/labs/vnet/host-process.js');

/** The longest call boots a template on a busy machine; the longest command of a guest takes some tens of seconds. */
const TIMEOUT_MS = 120_000;

/** Handle of one emulated host's process. */
export class Host {
  private readonly waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  private nextId = 1;
  private complaint = '';

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    child.on('message', ({ id, result, error }: Response) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) waiting?.resolve(result as never);
      else waiting?.reject(new Error(`${this.name}: ${error}`));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.complaint += text));
    child.on('exit', (code, signal) => {
      const reason = `the process of host ${name} ended (${signal ?? code}): ${this.complaint.trim()}`;
      for (const { reject } of this.waiting.values()) reject(new Error(reason));
      this.waiting.clear();
    });
  }

  static async start(context: LabContext, name: string, natsUrl: string): Promise<Host> {
    const child = fork(PROGRAM, [], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    context.cleanup(
      () =>
        new Promise<void>(resolve => {
          if (child.exitCode !== null || child.signalCode !== null) return resolve();
          child.once('exit', () => resolve());
          child.kill('SIGKILL');
        }),
    );
    const host = new Host(name, child);
    await host.call('setUp', { host: name, natsUrl });
    return host;
  }

  /** @throws Error where there is no answer in time: a tool in a guest waits for a frame that was lost */
  call<Call extends keyof HostCalls>(
    call: Call,
    ...args: Parameters<HostCalls[Call]>
  ): Promise<ReturnType<HostCalls[Call]>> {
    return new Promise((resolve, reject) => {
      if (!this.child.connected)
        return reject(new Error(`host ${this.name} does not run: ${this.complaint}`));
      const request: Request = { id: this.nextId++, call, args };
      const limit = setTimeout(() => {
        this.waiting.delete(request.id);
        reject(new Error(`host ${this.name} gave no answer to ${call} ${JSON.stringify(args)}`));
      }, TIMEOUT_MS);
      const ended = <T>(action: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(limit);
          action(value);
        };
      };
      this.waiting.set(request.id, { resolve: ended(resolve), reject: ended(reject) });
      this.child.send(request);
    });
  }
}
