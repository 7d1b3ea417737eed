import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reap } from './reaper';

interface Victim {
  pid: number;
  /** The signal that ended it; null where it ended by itself. */
  ended: Promise<string | null>;
}

describe('reap', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'v3-reaper-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A process that notes in a file when it was told to stop, and then ends unless it is stubborn. */
  async function victim(name: string, stubborn = false): Promise<Victim> {
    const body = `
      const { appendFileSync } = require('node:fs');
      process.on('SIGTERM', () => {
        appendFileSync('order', '${name} ');
        ${stubborn ? '' : "setTimeout(() => { appendFileSync('order', '${name}-end '); process.exit(0); }, 50);".replaceAll('${name}', name)}
      });
      process.send('up');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['-e', body], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    await new Promise(resolve => child.once('message', resolve));
    child.disconnect();
    return {
      pid: child.pid as number,
      ended: once(child, 'exit').then(([, signal]) => signal as string | null),
    };
  }

  it('waits until all have ended in order', async () => {
    const [one, two] = [await victim('alpha'), await victim('beta')];
    await reap([one.pid, two.pid], 30_000);
    const order = readFileSync(join(folder, 'order'), 'utf8').trim().split(' ');
    expect(order.sort()).toEqual(['alpha', 'alpha-end', 'beta', 'beta-end']);
    expect([await one.ended, await two.ended]).toEqual([null, null]);
  });

  it('kills who does not end in time', async () => {
    const stubborn = await victim('palacios', true);
    await reap([stubborn.pid], 100);
    expect(await stubborn.ended).toBe('SIGKILL');
  });

  it('does not mind who is gone already', async () => {
    await reap([2 ** 22 - 1], 100);
  });
});
