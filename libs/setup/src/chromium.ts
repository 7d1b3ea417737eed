import { chmod } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { fetchWithDependencies, unpackPackages, type PackageOptions } from './debian-packages';
import { replaceFolder } from './files';
import { withLock } from './lock';
import { findProgram, isExecutable } from './run';

/** A browser to test with, and what its process needs. */
export interface Chromium {
  program: string;
  env: Record<string, string>;
}

const remedy = 'Install Chromium yourself so that it is on PATH, or name its program with V3_CHROMIUM.';
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PACKAGE = 'chromium-headless-shell';
const PROGRAM = 'usr/lib/chromium/chromium-headless-shell';
/** The machine's own: a C library must be that of the loader that starts the program. */
const NOT_OURS = ['libc6', 'libc-bin', 'libcrypt1'];

/**
 * Chromium for tests: named by V3_CHROMIUM, on PATH, or Debian's package with all that it depends on, in the cache. What is
 * fetched is not installed: it needs no root.
 * @throws V3Error SETUP_FAILED
 */
export async function ensureChromium(options: PackageOptions): Promise<Chromium> {
  const env = options.env ?? process.env;
  if (env.V3_CHROMIUM) {
    if (isExecutable(env.V3_CHROMIUM)) return { program: env.V3_CHROMIUM, env: {} };
    throw new V3Error('SETUP_FAILED', `V3_CHROMIUM is "${env.V3_CHROMIUM}", which is no program`);
  }
  const installed = names.map(name => findProgram(name, env.PATH)).find(path => path !== undefined);
  if (installed) return { program: installed, env: {} };
  const folder = join(options.cache, 'chromium');
  if (!existsSync(join(folder, PROGRAM))) {
    if (process.platform !== 'linux')
      throw new V3Error('SETUP_FAILED', `there is no Chromium here. ${remedy}`);
    options.progress?.step('Fetching Chromium');
    await withLock(join(options.cache, 'chromium.lock'), async () => {
      if (existsSync(join(folder, PROGRAM))) return;
      const packages = await fetchWithDependencies({ name: PACKAGE }, NOT_OURS, { remedy, ...options });
      await replaceFolder(folder, async target => {
        await unpackPackages(packages, target, options.env);
        await chmod(join(target, PROGRAM), 0o755);
      });
    });
  }
  return { program: join(folder, PROGRAM), env: environment(folder) };
}

/** Where its libraries, fonts and keyboard layouts are. */
function environment(folder: string): Record<string, string> {
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const libraries = ['usr/lib', 'lib'].map(path => join(folder, path, triplet));
  return {
    LD_LIBRARY_PATH: libraries.flatMap(path => [path, ...privateFolders(path)]).join(':'),
    FONTCONFIG_PATH: join(folder, 'etc/fonts'),
    FONTCONFIG_SYSROOT: folder,
    XKB_CONFIG_ROOT: join(folder, 'usr/share/X11/xkb'),
  };
}

/**
 * Where a package keeps libraries for its own libraries only (`pulseaudio/libpulsecommon-16.1.so`): those name the folder
 * as it is on an installed system (RUNPATH, ld.so(8)), which nothing of ours is.
 */
function privateFolders(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const holding = entries.filter(entry => /^lib.*\.so(\.|$)/.test(entry.name)).map(entry => entry.parentPath);
  return [...new Set(holding)].filter(path => path !== folder).sort();
}
