import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countJest, failure, nothing, type Totals } from './totals';

export interface StageContext {
  checkout: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Where jest's reporter and failed checks write: standard output has the totals alone. */
  report: number;
}

export interface Stage {
  title: string;
  run(context: StageContext): Promise<Totals>;
}

/** A program that checks the whole source tree; counts as one test. Its output is shown when it fails. */
export function check(title: string, program: string, args: string[]): Stage {
  return {
    title,
    async run(context) {
      const { code, output } = await runProgram(context, program, args, 'collect');
      if (code === 0) return { ...nothing(), passed: 1 };
      writeSync(context.report, output.endsWith('\n') ? output : `${output}\n`);
      return failure(`${title}: "npx ${program} ${args.join(' ')}" failed`);
    },
  };
}

/** A run of jest; its reporter writes to the terminal while it runs. */
export function jest(title: string, config: string, patterns: string[]): Stage {
  return {
    title,
    async run(context) {
      const folder = mkdtempSync(join(tmpdir(), 'v3-jest-'));
      const resultFile = join(folder, 'result.json');
      try {
        const args = [
          '--config',
          config,
          '--json',
          '--outputFile',
          resultFile,
          '--passWithNoTests',
          ...patterns,
        ];
        const { code } = await runProgram(context, 'jest', args, 'show');
        if (!existsSync(resultFile))
          return failure(`${title}: jest ended with exit code ${code} and no result`);
        const result = JSON.parse(readFileSync(resultFile, 'utf8')) as Parameters<typeof countJest>[0];
        const totals = countJest(result, context.checkout);
        // It may fail for a reason of its own, such as a broken configuration.
        if (code !== 0 && totals.failed === 0) {
          return { ...totals, failed: 1, failures: [`${title}: jest ended with exit code ${code}`] };
        }
        return totals;
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** In a process group of its own, which ends as a whole when the run is interrupted. */
function runProgram(
  { checkout, env, signal, report }: StageContext,
  program: string,
  args: string[],
  output: 'show' | 'collect',
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(checkout, 'node_modules', '.bin', program), args, {
      cwd: checkout,
      env,
      detached: true,
      stdio: output === 'show' ? ['ignore', report, report] : ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part));
    child.stderr?.setEncoding('utf8').on('data', (part: string) => (text += part));
    const interrupt = () => endGroup(child);
    signal.addEventListener('abort', interrupt, { once: true });
    const settle = () => signal.removeEventListener('abort', interrupt);
    child.on('error', error => {
      settle();
      reject(error);
    });
    child.on('close', code => {
      settle();
      resolve({ code: code ?? 1, output: text });
    });
    if (signal.aborted) interrupt();
  });
}

function endGroup(child: ChildProcess): void {
  const send = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // it has ended
    }
  };
  send('SIGTERM');
  setTimeout(() => send('SIGKILL'), 5_000).unref();
}
