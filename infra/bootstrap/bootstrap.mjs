/**
 * Makes the checkout runnable: installs the packages when package-lock.json changed, builds when a source changed.
 * Runs before node_modules exists, so it uses Node alone. When nothing changed it only compares two stamps.
 */
import { fileURLToPath } from 'node:url';
import { buildNeeded, build } from './build.mjs';
import { SetupError } from './errors.mjs';
import { install, installNeeded } from './install.mjs';
import { withLock } from './lock.mjs';
import { createProgress } from './progress.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const needed = () => installNeeded(root) || buildNeeded(root);

async function main() {
  if (!needed()) return;
  const progress = createProgress(process.stderr);
  try {
    await withLock(
      `${root}.nx/bootstrap.lock`,
      pid => progress.step(`waiting for the set-up that process ${pid} runs`),
      async () => {
        // Looked at again: another process may just have done it.
        if (installNeeded(root)) await install(root, progress);
        if (buildNeeded(root)) await build(root, progress);
      },
    );
  } finally {
    progress.done();
  }
}

try {
  await main();
} catch (error) {
  if (error instanceof SetupError) {
    process.stderr.write(`v3: The set-up failed: ${error.message}\n`);
  } else if (error.code === 'EACCES' || error.code === 'EROFS') {
    process.stderr.write(
      `v3: The set-up failed: ${error.path} cannot be written; make the checkout yours, or clone it to a folder of yours\n`,
    );
  } else if (error.code === 'ENOSPC') {
    process.stderr.write(
      'v3: There is no space left on the disk: free some (about 1 GB is needed) and run this again\n',
    );
  } else {
    process.stderr.write(`v3: Something went wrong inside: ${error.stack}\n`);
  }
  process.exitCode = error.exitCode ?? 1;
}
