import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkoutRoot } from '@v3vee/setup';

/**
 * The real launcher, bootstrap and npm in a small checkout: one app, and a workspace package named nx in place of the
 * real one, which builds by copying and notes that it did.
 */
const NX = `#!/usr/bin/env node
const { appendFileSync, cpSync, existsSync } = require('node:fs');
if (existsSync('broken')) { console.log('main.js: Unexpected token'); process.exit(1); }
setTimeout(() => {
  cpSync('apps/cli/src', 'apps/cli/dist', { recursive: true });
  cpSync('libs/nx/src', 'libs/nx/dist', { recursive: true });
  appendFileSync('builds', process.argv.slice(2).join(' ') + '\\n');
}, 200);
`;
const MAIN = `console.log('main ' + JSON.stringify(process.argv.slice(2)));`;

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe('./v3', () => {
  let root: string;

  const put = (file: string, content: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), content);
  };
  const lock = () =>
    execFileSync('npm', ['install', '--package-lock-only', '--offline', '--ignore-scripts'], {
      cwd: root,
      stdio: 'pipe',
    });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'v3 launcher-')); // a blank, because paths have them
    cpSync(join(checkoutRoot, 'v3'), join(root, 'v3'));
    cpSync(join(checkoutRoot, 'infra/bootstrap'), join(root, 'infra/bootstrap'), { recursive: true });
    put('package.json', JSON.stringify({ name: 'x', private: true, workspaces: ['apps/*', 'libs/*'] }));
    put('.swcrc', '{}');
    put('nx.json', '{}');
    put('apps/cli/package.json', JSON.stringify({ name: 'x-cli', version: '1.0.0' }));
    put('apps/cli/src/main.js', MAIN);
    put('libs/nx/package.json', JSON.stringify({ name: 'nx', version: '1.0.0', bin: { nx: 'src/nx.js' } }));
    put('libs/nx/src/nx.js', NX);
    chmodSync(join(root, 'libs/nx/src/nx.js'), 0o755);
    lock();
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const v3 = (
    args: string[] = [],
    options: { env?: NodeJS.ProcessEnv; cwd?: string; program?: string } = {},
  ) =>
    new Promise<Result>((resolve, reject) => {
      const child = spawn(options.program ?? join(root, 'v3'), args, {
        cwd: options.cwd ?? '/',
        env: { ...process.env, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('error', reject).on('close', code => resolve({ code, stdout, stderr }));
    });
  const builds = () => readFileSync(join(root, 'builds'), 'utf8').split('\n').length - 1;

  it('installs and builds once, then only what changed', async () => {
    expect(await v3(['vm', 'a b', '*'])).toEqual({
      code: 0,
      stdout: 'main ["vm","a b","*"]\n',
      stderr: 'v3: installing npm packages\nv3: building\n',
    });
    expect(await v3(['x'])).toEqual({ code: 0, stdout: 'main ["x"]\n', stderr: '' });

    put('apps/cli/src/other.js', '');
    expect((await v3()).stderr).toBe('v3: building\n');
    utimesSync(join(root, 'apps/cli/src/other.js'), 1, 1);
    expect((await v3()).stderr).toBe('v3: building\n');
    rmSync(join(root, 'apps/cli/dist'), { recursive: true });
    expect((await v3()).stderr).toBe('v3: building\n');
    expect(await v3(['x'])).toMatchObject({ stderr: '' });
    expect(builds()).toBe(4);
  });

  it('installs again when the lock file changed, unless npm already did', async () => {
    await v3();
    put('libs/more/package.json', JSON.stringify({ name: 'more', version: '1.0.0' }));
    lock();
    expect((await v3()).stderr).toContain('installing npm packages');
    put('libs/third/package.json', JSON.stringify({ name: 'third', version: '1.0.0' }));
    execFileSync('npm', ['install', '--offline'], { cwd: root, stdio: 'pipe' });
    expect((await v3()).stderr).not.toContain('installing');
  });

  it('works through symbolic links', async () => {
    const folder = join(root, 'elsewhere');
    mkdirSync(folder);
    symlinkSync('../v3', join(folder, 'relative'));
    symlinkSync(join(folder, 'relative'), join(folder, 'absolute'));
    const result = await v3(['x'], { program: join(folder, 'absolute'), cwd: folder });
    expect(result).toMatchObject({ code: 0, stdout: 'main ["x"]\n' });
  });

  it('builds once when started twice at a time', async () => {
    const results = await Promise.all([v3(), v3(), v3()]);
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(results.map(({ stderr }) => stderr).join('')).toMatch(
      /waiting for the set-up that process \d+ runs/,
    );
    expect(builds()).toBe(1);
  });

  it('takes over the lock of a killed process', async () => {
    put('.nx/bootstrap.lock', '4194303'); // above the kernel's default limit of pids
    expect((await v3()).code).toBe(0);
    expect(existsSync(join(root, '.nx/bootstrap.lock'))).toBe(false);
  });

  it("shows the compiler's words and tries again the next time", async () => {
    put('broken', '');
    const result = await v3();
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain('v3: The set-up failed: the build failed;');
    expect(result.stderr).toContain('    main.js: Unexpected token');
    rmSync(join(root, 'broken'));
    expect(await v3()).toMatchObject({ code: 0, stdout: 'main []\n' });
  });

  it('says that the registry cannot be reached', async () => {
    const dependency = { version: '1.0.0', resolved: 'http://127.0.0.1:1/far.tgz', integrity: 'sha512-AAAA' };
    const lockFile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    lockFile.packages[''].dependencies = { far: '1.0.0' };
    lockFile.packages['node_modules/far'] = dependency;
    put('package-lock.json', JSON.stringify(lockFile));
    put(
      'package.json',
      JSON.stringify({
        name: 'x',
        private: true,
        workspaces: ['apps/*', 'libs/*'],
        dependencies: { far: '1.0.0' },
      }),
    );
    const env = { npm_config_fetch_retries: '0', npm_config_cache: join(root, 'cache') };
    const { code, stderr } = await v3([], { env });
    expect(code).toBe(1);
    expect(stderr).toContain("npm's package registry cannot be reached; check the network");
    expect(stderr).toContain('ECONNREFUSED');
  });

  /** A PATH with what a shell script needs, and the given programs. */
  function pathWith(programs: Record<string, string>): NodeJS.ProcessEnv {
    const folder = join(root, 'bin');
    mkdirSync(folder);
    for (const name of ['sh', 'dirname', 'readlink', 'env']) {
      symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(folder, name));
    }
    for (const [name, body] of Object.entries(programs)) {
      if (body.startsWith('/')) symlinkSync(body, join(folder, name));
      else writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
    return { PATH: folder };
  }

  it.each([
    ['missing', {}, 'node is not on your PATH; install Node.js 20.19 or newer'],
    ['too old', { node: 'echo v18.19.0' }, 'is version 18.19.0; install Node.js 20.19 or newer'],
    ['a little too old', { node: 'echo v20.18.3' }, 'is version 20.18.3; install'],
    ['no Node', { node: 'echo hello' }, 'says its version is "hello"; install'],
    ['without npm', { node: process.execPath }, 'npm is not on your PATH; it comes with Node.js'],
    [
      'on a full disk',
      { node: process.execPath, npm: 'echo "npm error code ENOSPC" >&2; exit 228' },
      'there is no space left on the disk; free some',
    ],
  ])('says what to do when node is %s', async (_, programs, message) => {
    const { code, stderr, stdout } = await v3([], { env: pathWith(programs) });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('v3: The set-up failed: ');
    expect(stderr).toContain(message);
  });
});
