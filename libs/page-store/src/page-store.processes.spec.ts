import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PageStore } from './page-store';
import { message, start } from './testing/processes.fixture';
import { bytesBelow, temporaryFolders } from './testing/states.fixture';

const folders = temporaryFolders();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function churn(folder: string, owner: string, seed: number): Promise<ChildProcess> {
  const child = await start(await folders.make(), 'churn.fixture.ts', [folder, owner, String(seed)]);
  children.push(child);
  return child;
}

type Report = { round: number; mine: string[] } | { left: string[] };

/** Of a churning process, once it is so far. */
async function after(child: ChildProcess, rounds: number): Promise<string[]> {
  for (;;) {
    const report = await message<Report>(child);
    if ('round' in report && report.round >= rounds) return report.mine;
  }
}

async function stopped(child: ChildProcess): Promise<string[]> {
  const exit = once(child, 'exit');
  child.send('stop');
  for (;;) {
    const report = await message<Report>(child);
    if (!('left' in report)) continue;
    expect(await exit).toEqual([0, null]);
    return report.left;
  }
}

it('two processes that write and collect at the same time do each other no harm', async () => {
  const folder = await folders.make();
  const both = [await churn(folder, 'alpha', 1), await churn(folder, 'beta', 2)];
  await Promise.all(both.map(child => after(child, 12)));
  const left = (await Promise.all(both.map(stopped))).flat();
  const store = await PageStore.open({ folder, owner: 'gamma' });
  expect(await store.list()).toEqual([...left].sort());
  for (const digest of left) await store.read(digest);
  for (const digest of left) await store.remove(digest);
  await store.collect();
  expect(await bytesBelow(folder)).toBe(0);
});

it('a process that is killed at any moment harms no other, and its states are whole', async () => {
  const folder = await folders.make();
  const survivor = await churn(folder, 'alpha', 1);
  await after(survivor, 0);
  for (let seed = 2; seed < 6; seed++) {
    const victim = await churn(folder, 'beta', seed);
    const mine = await after(victim, 2);
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const store = await PageStore.open({ folder, owner: 'beta' });
    // The last of them can't have been removed: it had not written two more.
    expect(await store.list()).toEqual(expect.arrayContaining(mine.slice(-1)));
    for (const digest of mine.slice(-1)) await store.read(digest);
  }
  const left = await stopped(survivor);
  const store = await PageStore.open({ folder, owner: 'beta' });
  for (const digest of await store.list()) await store.read(digest);
  expect(await store.list()).toEqual(expect.arrayContaining(left));
});
