import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { execInVm, waitForVm } from '@v3vee/client';
import { launchBrowser } from '@v3vee/testkit';
import type { Browser, Page } from 'playwright-core';
import type { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import { percentile, row, skipped, type LabRow } from '../../result';
import type { Access } from './access';
import { accessibilityScore, type Rule } from './accessibility-score';
import { framesPerSecond, interactiveAt, intervals, type Task } from './interactive';
import { axeRun, frames, links, observer, seen } from './page-scripts';
import { screenKind } from './screens';
import { DEFINED, RUNNING, vmAddress, vmName } from './topology';

const PATIENCE_MS = 60_000;
const VIEWPORT = { width: 1280, height: 800 };
const FRAME_SECONDS = 10;
const MOST_MS = 2_000;
const LEAST_FPS = 50;
const LEAST_SCORE = 95;
/** How many VMs ping their neighbours, and how often a second. */
const PINGING = 4;
const PINGS_PER_SECOND = 5;

const names = {
  interactive: 'console page, cold, until it is interactive',
  content: `console page, cold, until all ${DEFINED} VMs are on the screen`,
  frames: `frames a second, topology with ${RUNNING} running VMs and live traffic`,
  interval: 'time between two frames, p99, the same',
  score: 'accessibility, of all screens in both themes the worst',
  violations: 'rules of axe that a screen breaks, all of them, whatever their weight',
};

/** The web console in Chromium, beside 20 running VMs of which some ping. */
export async function consolePage(
  context: LabContext,
  cluster: LabCluster,
  access: Access,
): Promise<LabRow[]> {
  context.progress('Chromium');
  let browser: Browser;
  try {
    browser = await launchBrowser();
  } catch (thrown) {
    const why = `no Chromium: ${(thrown as Error).message}`;
    return Object.values(names).map(name => skipped(name, why));
  }
  context.cleanup(() => browser.close());
  const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(await entry(cluster));
  await page.locator('[data-vm]').first().waitFor();
  // Before the other VMs run: it does not depend on them, and takes long beside them.
  const barriers = await accessibility(context, cluster, page, access.url);
  await page.goto('about:blank');
  await startVms(context, cluster);
  const cold = await loads(context, cluster, browser);
  return [...cold, ...(await smoothness(context, page, access.url)), ...barriers];
}

const entry = async ({ cluster }: LabCluster): Promise<string> => (await cluster.ok(['console'])).trim();

async function startVms(context: LabContext, { client }: LabCluster): Promise<void> {
  for (let n = 2; n <= RUNNING; n += 2) {
    context.signal.throwIfAborted();
    context.progress(`starting VMs, ${n} of ${RUNNING}`);
    const vms = [n, n + 1].filter(each => each <= RUNNING).map(vmName);
    await Promise.all(vms.map(vm => client.operate('startVm', { vm }, { body: {} })));
    await Promise.all(vms.map(vm => waitForVm(client, vm, 'agent')));
  }
  for (let n = 1; n <= PINGING; n++) {
    const ping = `(ping -i ${1 / PINGS_PER_SECOND} ${vmAddress(n + 1)} >/dev/null 2>&1 </dev/null &)`;
    await execInVm(client, vmName(n), ['sh', '-c', ping], { timeoutSeconds: 60 });
  }
}

/** Each with an empty cache, by an address as `v3 console` prints it. */
async function loads(context: LabContext, cluster: LabCluster, browser: Browser): Promise<LabRow[]> {
  const content: number[] = [];
  const interactive: number[] = [];
  for (let run = 0; run < context.runs; run++) {
    context.progress(`the console page, cold, ${run + 1} of ${context.runs}`);
    const cold = await browser.newContext({ viewport: VIEWPORT });
    const page = await cold.newPage();
    await page.addInitScript(observer(DEFINED));
    await page.goto(await entry(cluster));
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { contentAt, longTasks, now } = await page.evaluate<{
        contentAt: number;
        longTasks: Task[];
        now: number;
      }>(seen);
      const at = contentAt > 0 ? interactiveAt(contentAt, longTasks, now) : undefined;
      if (at !== undefined) {
        content.push(contentAt);
        interactive.push(at);
        break;
      }
      if (performance.now() > end)
        throw new Error(
          `the page was not interactive within ${PATIENCE_MS} ms: ${JSON.stringify(longTasks)}`,
        );
      await delay(250, undefined, { signal: context.signal });
    }
    await cold.close();
  }
  return [
    row({
      ...{ name: names.interactive, unit: 'ms', ours: { name: 'page', values: interactive } },
      target: { of: 'ours', op: '<=', value: MOST_MS },
    }),
    row({ name: names.content, unit: 'ms', ours: { name: 'page', values: content } }),
  ];
}

async function smoothness(context: LabContext, page: Page, url: string): Promise<LabRow[]> {
  const topology: number[][] = [];
  const empty: number[][] = [];
  for (let run = 0; run < context.runs; run++) {
    context.progress(`frames, ${run + 1} of ${context.runs}`);
    await page.goto('about:blank');
    empty.push(await page.evaluate<number[]>(frames(FRAME_SECONDS)));
    await page.goto(`${url}/#/`);
    await page.locator('[data-vm]').first().waitFor();
    topology.push(await page.evaluate<number[]>(frames(FRAME_SECONDS)));
  }
  const sides = (figure: (times: number[]) => number) => ({
    paired: true,
    baseline: { name: 'empty page', values: empty.map(figure) },
    ours: { name: 'topology', values: topology.map(figure) },
  });
  return [
    row({
      ...{ name: names.frames, unit: '/s', ...sides(framesPerSecond) },
      target: { of: 'ours', op: '>=', value: LEAST_FPS },
    }),
    row({ name: names.interval, unit: 'ms', ...sides(times => percentile(intervals(times), 0.99)) }),
  ];
}

interface Found {
  passed: (Rule & { id: string })[];
  violated: (Rule & { id: string })[];
}

/** Every screen that links lead to, one of each kind, in light and in dark. */
async function accessibility(
  context: LabContext,
  { client }: LabCluster,
  page: Page,
  url: string,
): Promise<LabRow[]> {
  const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
  const [vms, hosts, networks] = await Promise.all([
    client.list('listVms'),
    client.list('listHosts'),
    client.list('listNetworks'),
  ]);
  const known = new Set([...vms, ...hosts, ...networks].map(({ name }) => name));
  const waiting = [''];
  const kinds = new Set<string>(['']);
  const scores: number[] = [];
  let broken = 0;
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    context.signal.throwIfAborted();
    context.progress(`accessibility of #/${path}`);
    await page.goto(`${url}/#/${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    while (await page.locator('text=Loading…').count())
      await delay(100, undefined, { signal: context.signal });
    for (const link of await page.evaluate<string[]>(links)) {
      const kind = screenKind(link, known);
      if (kinds.has(kind)) continue;
      kinds.add(kind);
      waiting.push(link);
    }
    await page.evaluate(axe);
    for (const theme of ['light', 'dark']) {
      await page.evaluate(`document.documentElement.dataset.theme = '${theme}'`);
      const { passed, violated } = await page.evaluate<Found>(axeRun);
      scores.push(accessibilityScore(passed, violated));
      broken += violated.length;
      for (const { id } of violated) context.progress(`#/${path}, ${theme}: ${id}`);
    }
  }
  context.progress(`${kinds.size} screens: ${[...kinds].map(kind => `#/${kind}`).join(' ')}`);
  return [
    row({
      ...{
        name: names.score,
        unit: 'of 100',
        ours: { name: `${kinds.size} screens`, values: [Math.min(...scores)] },
      },
      target: { of: 'ours', op: '>=', value: LEAST_SCORE },
    }),
    row({ name: names.violations, unit: 'rules', ours: { name: 'broken', values: [broken] } }),
  ];
}
