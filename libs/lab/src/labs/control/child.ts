import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { LabContext } from '../../lab';

/** The built file: also when the lab itself runs from its sources, in a test. */
const programs = join(__dirname, '../../../dist/labs/control');

/** Starts one of the lab's own processes, which ends with the lab, and waits for its first message. */
export async function startChild<First>(
  context: LabContext,
  name: 'empty-service' | 'serial-guest',
): Promise<{ child: ChildProcess; first: First }> {
  const child = fork(join(programs, `${name}.js`), [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  context.cleanup(
    () =>
      new Promise<void>(resolve => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  );
  return { child, first: await answer<First>(child, name) };
}

/** Its next message. @throws Error with what it said when it ends instead */
export function answer<Message>(child: ChildProcess, name: string): Promise<Message> {
  return new Promise((resolve, reject) => {
    let complaint = '';
    const heard = (text: Buffer) => (complaint += text.toString());
    const ended = (code: number | null) => {
      reject(new Error(`the process ${name} ended (${code}): ${complaint.trim()}`));
    };
    child.stderr?.on('data', heard);
    child.once('exit', ended);
    child.once('message', message => {
      child.stderr?.off('data', heard);
      child.off('exit', ended);
      child.stderr?.resume();
      resolve(message as Message);
    });
  });
}
