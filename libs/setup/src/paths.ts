import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** Where everything that is not source lives. All paths are absolute. */
export interface Paths {
  /** The checkout this process runs from. */
  checkout: string;
  /** Shared by all checkouts of this user: packages, firmware, binaries, built images. Can be deleted at any time. */
  cache: string;
  /** Belongs to this checkout alone: database, tokens, logs, snapshots. */
  state: string;
}

export interface PathOptions {
  checkout?: string;
  env?: NodeJS.ProcessEnv;
  home?: string;
  isRoot?: boolean;
}

/** The checkout that holds this file, whether it runs compiled (`dist/`) or from the sources (`src/`). */
export const checkoutRoot = resolve(__dirname, '../../..');

/**
 * Cache and state folders, after the XDG base directory specification. Root uses /var instead of its home: Postgres
 * then runs as `nobody`, who may not enter /root but must reach its binaries and its data.
 */
export function resolvePaths(options: PathOptions = {}): Paths {
  const env = options.env ?? process.env;
  const home = options.home ?? homedir();
  const isRoot = options.isRoot ?? process.getuid?.() === 0;
  const checkout = realpathSync(options.checkout ?? checkoutRoot);
  const cache =
    env.V3_CACHE_DIR ||
    (isRoot ? '/var/cache/v3vee' : join(env.XDG_CACHE_HOME || join(home, '.cache'), 'v3vee'));
  const base = isRoot ? '/var/lib/v3vee' : join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'v3vee');
  const state = env.V3_STATE_DIR || join(base, checkoutKey(checkout));
  return { checkout, cache: resolve(cache), state: resolve(state) };
}

/** Readable and unique: two checkouts of the same name do not share a state folder. */
function checkoutKey(checkout: string): string {
  return `${basename(checkout)}-${createHash('sha256').update(checkout).digest('hex').slice(0, 8)}`;
}
