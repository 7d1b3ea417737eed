import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SetupError } from './errors.mjs';

/**
 * Runs a program without a shell and without input.
 * @returns {Promise<{code: number, output: string}>} its exit code and everything it printed; rejects with ENOENT
 */
export function run(program, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let interrupted;
    const add = text => (output += text);
    child.stdout.setEncoding('utf8').on('data', add);
    child.stderr.setEncoding('utf8').on('data', add);
    // Wait for the child to end before saying so: the lock must not be released while npm still writes.
    const onSignal = signal => {
      interrupted = signal;
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    signals.forEach(signal => process.on(signal, onSignal));
    const settle = () => signals.forEach(signal => process.off(signal, onSignal));
    child.on('error', error => {
      settle();
      reject(error);
    });
    child.on('close', (code, signal) => {
      settle();
      if (interrupted) {
        reject(
          new SetupError('interrupted; the next run goes on with it', 128 + constants.signals[interrupted]),
        );
      } else {
        resolve({
          code: code ?? 1,
          output: signal ? `${output}\n${program} was ended by ${signal}` : output,
        });
      }
    });
  });
}

/** The last lines of a program's output, indented, as the end of an error message. */
export function tail(output, count = 20) {
  const lines = output.trimEnd().split('\n').slice(-count);
  return lines.map(line => `\n    ${line}`).join('');
}
