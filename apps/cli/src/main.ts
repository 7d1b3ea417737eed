import { reportError } from './errors';
import { createProgram, usageError } from './program';
import { installSignalHandlers } from './session';

/** `v3 vm list | head`: who reads has read enough; that is no error of ours. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.stderr.on('error', () => {});

async function main(): Promise<number> {
  installSignalHandlers();
  try {
    await createProgram().parseAsync();
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    const usage = usageError(thrown);
    return typeof usage === 'number' ? usage : reportError(usage ?? thrown);
  }
}

void main().then(code => {
  process.exitCode = code;
  // Output into a pipe is still on its way; what else keeps the process alive (a terminal's input) is over.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
});
