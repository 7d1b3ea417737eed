import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './errors.mjs';
import { run, tail } from './run.mjs';

const stampFile = root => join(root, 'node_modules', '.v3-built');

/** Whether a source changed since the last build, or a build result is missing. */
export function buildNeeded(root) {
  let stamp;
  try {
    stamp = readFileSync(stampFile(root), 'utf8');
  } catch {
    return true;
  }
  return stamp !== fingerprint(root) || packages(root).some(folder => !existsSync(join(folder, 'dist')));
}

export async function build(root, progress) {
  progress.step('building');
  // Taken before the build: what is saved meanwhile is built next time.
  const stamp = fingerprint(root);
  const { code, output } = await run(
    join(root, 'node_modules', '.bin', 'nx'),
    ['run-many', '-t', 'build', '--output-style=static'],
    root,
  );
  if (code !== 0)
    throw new SetupError(
      `the build failed; "npx nx run-many -t build" repeats it. It said:${tail(output, 40)}`,
    );
  writeFileSync(stampFile(root), stamp);
}

/** Folders of the packages that have sources. */
function packages(root) {
  return ['apps', 'libs']
    .flatMap(group => readdirSync(join(root, group)).map(name => join(root, group, name)))
    .filter(folder => existsSync(join(folder, 'src')) && readdirSync(join(folder, 'src')).length > 0);
}

/** Names, times and sizes of all that the build reads: far quicker than the contents, and as make does. */
function fingerprint(root) {
  const hash = createHash('sha256');
  const add = file => {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  };
  const walk = folder => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) add(path);
    }
  };
  for (const name of ['package.json', 'package-lock.json', '.swcrc', 'nx.json']) add(join(root, name));
  for (const folder of packages(root)) {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isFile()) add(join(folder, entry.name));
    for (const sources of ['src', 'programs']) {
      if (existsSync(join(folder, sources))) walk(join(folder, sources));
    }
  }
  return hash.digest('hex');
}
