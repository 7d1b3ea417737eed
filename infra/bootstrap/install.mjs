import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './errors.mjs';
import { run, tail } from './run.mjs';

const stampFile = root => join(root, 'node_modules', '.v3-installed');

/** Whether node_modules is not what package-lock.json describes. */
export function installNeeded(root) {
  const wanted = fingerprint(root);
  if (readText(stampFile(root)) === wanted) return false;
  // A developer's own `npm install` is as good as ours.
  if (!matchesLock(root)) return true;
  writeFileSync(stampFile(root), wanted);
  return false;
}

export async function install(root, progress) {
  progress.step('installing npm packages');
  const wanted = fingerprint(root);
  let result;
  try {
    result = await run('npm', ['ci', '--no-progress'], root);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    throw new SetupError(
      'npm is not on your PATH; it comes with Node.js (on Debian and Ubuntu: apt-get install npm); install it and run this again',
    );
  }
  if (result.code !== 0) throw new SetupError(explain(result.output));
  writeFileSync(stampFile(root), wanted);
}

function fingerprint(root) {
  const lock = readText(join(root, 'package-lock.json'));
  if (lock === undefined)
    throw new SetupError(`${root}package-lock.json is missing; restore it (git checkout package-lock.json)`);
  return createHash('sha256').update(`${process.platform} ${process.arch}\n`).update(lock).digest('hex');
}

/**
 * Compares with the list npm keeps of what it installed; packages for other platforms may be absent. The list alone
 * is no proof: `npm install --package-lock-only` changes it too.
 */
function matchesLock(root) {
  const installed = parse(readText(join(root, 'node_modules', '.package-lock.json')))?.packages;
  const locked = parse(readText(join(root, 'package-lock.json')))?.packages;
  if (!installed || !locked) return false;
  return Object.entries(locked).every(([path, want]) => {
    if (path === '' || path.startsWith('apps/') || path.startsWith('libs/')) return true;
    const have = installed[path];
    if (!have) return Boolean(want.optional || want.peer);
    return (
      existsSync(join(root, path)) &&
      have.version === want.version &&
      have.integrity === want.integrity &&
      have.resolved === want.resolved
    );
  });
}

/** npm's error codes → what to do. The end of npm's own words always follows. */
const remedies = [
  [/ENOSPC/, 'there is no space left on the disk; free some (about 1 GB is needed) and run this again'],
  [
    /EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT/,
    "npm's package registry cannot be reached; check the network (behind a proxy: npm config set https-proxy …) and run this again. It is needed once, later runs work without network",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY|CERT_/,
    "the registry's certificate is not trusted here; behind an inspecting proxy set npm's cafile (npm config set cafile …) and run this again",
  ],
  [
    /\bE40[13]\b/,
    "the registry refuses access; check npm's registry and login (npm config list) and run this again",
  ],
  [/EINTEGRITY/, 'a downloaded package is damaged; run "npm cache clean --force" and run this again'],
  [
    /EACCES|EPERM|EROFS/,
    'npm may not write here; make the checkout and the npm cache yours (npm config get cache) and run this again',
  ],
  [/EUSAGE/, 'package-lock.json does not fit package.json; run "npm install" and run this again'],
];

function explain(output) {
  const [, remedy = 'npm ci failed; mend what it says and run this again'] =
    remedies.find(([pattern]) => pattern.test(output)) ?? [];
  return `${remedy}. npm said:${tail(output)}`;
}

function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parse(text) {
  try {
    return text && JSON.parse(text);
  } catch {
    return undefined;
  }
}
