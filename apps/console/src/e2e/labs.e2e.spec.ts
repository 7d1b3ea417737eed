import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LabRun, LabRunDetail, List } from '@v3vee/contracts';
import type { Page } from 'playwright-core';
import { seriousViolations } from './browser.fixture';
import { ConsoleRig, START_MS } from './console-rig.fixture';

/** Each lab is real: the one that takes least, each measurement once. */
const LAB = 'router';

describe('labs in a browser', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let page: Page;

  const open = (path: string) => rig.open(path);
  const start = async (lab: string) => {
    await open('labs');
    await page.getByRole('button', { name: `Run ${lab}` }).click();
    await page.getByLabel('Repetitions').fill('1');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForURL(/#\/labs\/./);
    return decodeURIComponent(new URL(page.url()).hash.split('/').at(-1)!);
  };
  const shown = (state: string) => page.locator(`.screen-head [data-state="${state}"]`).waitFor();
  const folderOf = (id: string) => join(tmpdir(), `v3-labrun-${id.replaceAll('-', '').slice(0, 12)}`);
  /** All processes that have the run's folder as their temporary one: its own, and those of its clusters. */
  const processesOf = async (id: string) => {
    const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
    return pids.filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMPDIR=${folderOf(id)}\0`);
      } catch {
        return false; // it has ended, or is another user's
      }
    });
  };
  const leftOf = async (id: string) => [existsSync(folderOf(id)), await processesOf(id)];
  const nothing = [false, []];

  beforeAll(async () => {
    rig = await ConsoleRig.loggedIn('hosts: { alpha: { memory: 128MiB, cores: 1 } }\n');
    ({ cluster, page } = rig);
  }, START_MS);
  afterAll(() => rig?.stop());

  it('are listed with what was published of them', async () => {
    await page.getByRole('link', { name: 'Labs' }).click();
    const vpio = page.getByRole('row', { name: /vpio/ });
    expect(await vpio.textContent()).toContain('about 1 in 30 (VPIO)');
  });

  it('run: progress, rows beside their targets, and the plot, all of them kept', async () => {
    const id = await start(LAB);
    await page.getByText('Step 1 of 2: the core alone').waitFor();
    await page.getByText('Step 2 of 2: NATS links').waitFor();
    const other = await cluster.v3(['labrun', 'start', LAB, '--detach']);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('A lab is running')]);
    await shown('COMPLETED');
    const run = await cluster.json<LabRunDetail>(['labrun', 'show', id]);
    const row = page.getByRole('table', { name: 'Results' }).getByRole('row', { name: 'NATS link' }).first();
    expect(await row.textContent()).toMatch(
      /64 B.*frames\/s.*\(n=1\)overlay.*plain NATS.*ratio ≥ 5(Holds|Missed)/,
    );
    expect(run.rows.length).toBeGreaterThan(10);
    expect(run.holds + run.missed).toBe(run.rows.filter(({ target }) => target !== null).length);
    const image = page.getByRole('img', { name: `The figures of lab ${LAB}` });
    await image.waitFor();
    const pixels = () => image.evaluate(it => (it as unknown as { naturalWidth: number }).naturalWidth);
    expect(await pixels()).toBeGreaterThan(0);
    await page.reload();
    await image.waitFor();
    await open('labs');
    await page.getByRole('table', { name: 'Runs' }).getByText('Completed').waitFor();
    expect(await leftOf(id)).toEqual(nothing);
  });

  it.each(['light', 'dark'] as const)('have no serious barrier, and fit a phone: %s', async theme => {
    const { items } = await cluster.json<List<LabRun>>(['labrun', 'list']);
    for (const path of ['labs', `labs/${items[0]!.id}`]) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await open(path);
      await page.evaluate(name => (document.documentElement.dataset.theme = name), theme);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('text=Loading…').waitFor({ state: 'detached' });
      expect([path, await seriousViolations(page)]).toEqual([path, []]);
      await page.setViewportSize({ width: 390, height: 780 });
      expect([path, await rig.overflow()]).toEqual([path, 0]);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  it('are cancelled with the cluster that they started, and nothing is left', async () => {
    const id = await start(LAB);
    await page.getByText('Step 2 of 2: NATS links').waitFor();
    // Its own cluster is starting or runs: its supervisor is no child of the lab's.
    expect((await processesOf(id)).length).toBeGreaterThan(1);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await shown('CANCELLED');
    expect(await leftOf(id)).toEqual(nothing);
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByRole('heading', { name: 'Labs' }).waitFor();
    const shownAgain = await cluster.v3(['labrun', 'show', id]);
    expect(shownAgain.stderr).toContain('No such run of a lab');
  });

  it('of a gateway that is killed have failed, and nothing is left', async () => {
    const id = await start(LAB);
    await page.getByText('Step 2 of 2: NATS links').waitFor();
    const gateway = (await cluster.status()).services.find(({ name }) => name === 'gateway');
    process.kill(gateway!.pid!, 'SIGKILL');
    await shown('FAILED');
    await page.getByText('the gateway was restarted during it').waitFor();
    expect(await leftOf(id)).toEqual(nothing);
  });

  it('end with their cluster', async () => {
    const id = await start(LAB);
    await page.getByText('Step 2 of 2: NATS links').waitFor();
    await cluster.ok(['down']);
    expect(await leftOf(id)).toEqual(nothing);
    await cluster.ok(['up', '--detach']);
    const { items } = await cluster.json<List<LabRun>>(['labrun', 'list']);
    expect(items.map(({ state }) => state)).toEqual(['FAILED', 'FAILED', 'COMPLETED']);
    expect(items[0]!.reason).toBe('the gateway stopped meanwhile');
  });

  it('had nothing to complain of', () => {
    expect(rig.heard.complaints).toEqual([]);
  });
});
