import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { transformFileSync } from '@swc/core';
import { withLock } from './lock';

let folder: string;
let lock: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'v3-lock-'));
  lock = join(folder, 'a.lock');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A process of its own that takes the lock, says so, and holds it. */
async function holder(): Promise<ChildProcess> {
  const { code } = transformFileSync(join(__dirname, 'lock.ts'), {
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
  });
  const use = `exports.withLock(process.argv[1], () => {
    console.log('held');
    return new Promise(() => setInterval(() => {}, 1000));
  });`;
  const child = spawn(process.execPath, ['-e', `${code}\n${use}`, lock], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  expect(line).toBe('held');
  return child;
}

describe('withLock', () => {
  it('lets one in at a time, and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const action = async () => {
      most = Math.max(most, ++inside);
      await new Promise(setImmediate);
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(lock, action, { pollMs: 1 })));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('gives the result, and is free again after a failure', async () => {
    await expect(withLock(lock, () => Promise.reject(new Error('inner')))).rejects.toThrow('inner');
    await expect(withLock(lock, () => Promise.resolve(7))).resolves.toBe(7);
  });

  it('waits for a live process, says for which, and takes over at once when that is killed', async () => {
    const child = await holder();
    const waits: number[] = [];
    let entered = false;
    const waiting = withLock(lock, () => Promise.resolve((entered = true)), {
      pollMs: 5,
      onWait: pid => {
        waits.push(pid);
        expect(entered).toBe(false);
        child.kill('SIGKILL');
      },
    });
    await expect(waiting).resolves.toBe(true);
    expect(waits).toEqual([child.pid]);
  });

  it('lets just one of many take over a dead process’s lock', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    let inside = 0;
    const order: number[] = [];
    const contend = (id: number) =>
      withLock(
        lock,
        async () => {
          expect(++inside).toBe(1);
          await new Promise(setImmediate);
          order.push(id);
          inside--;
        },
        { pollMs: 1 },
      );
    await Promise.all(Array.from({ length: 8 }, (_, id) => contend(id)));
    expect(order.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('does not take a later process with the same pid for the holder', async () => {
    await writeFile(lock, JSON.stringify({ pid: process.pid, started: '1', token: 'of-an-earlier-process' }));
    const onWait = jest.fn();
    await withLock(lock, async () => expect(await readFile(lock, 'utf8')).not.toContain('earlier'), {
      onWait,
    });
    expect(onWait).not.toHaveBeenCalled();
  });

  it('takes over a lock file that is no lock', async () => {
    await writeFile(lock, 'garbage');
    await expect(withLock(lock, () => Promise.resolve('in'))).resolves.toBe('in');
  });
});
