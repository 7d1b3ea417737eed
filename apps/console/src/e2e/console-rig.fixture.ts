import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCluster } from '@v3vee/testkit';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, listenTo, PATIENCE_MS } from './browser.fixture';

/** How long a cluster and a browser may take to be there, when both have to be fetched first, ms. */
export const START_MS = 900_000;

export interface RigOptions {
  /** What the browser calls the gateway's machine; absent: as the cluster says it. */
  name?: string;
}

/** A cluster, a browser, and a page of its console. */
export class ConsoleRig {
  private constructor(
    private readonly folder: string,
    readonly cluster: TestCluster,
    readonly browser: Browser,
    readonly page: Page,
    /** Of the gateway, as the browser calls it. */
    readonly url: string,
    /** What the page asked of others, and what it complained of. */
    readonly heard: ReturnType<typeof listenTo>,
  ) {}

  /** Nobody has logged in yet. @param topology in YAML */
  static async start(topology: string, { name }: RigOptions = {}): Promise<ConsoleRig> {
    const folder = mkdtempSync(join(tmpdir(), 'v3-console-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, topology);
    const [cluster, browser] = await Promise.all([
      TestCluster.up({ topologyFile, ...(name !== undefined && { env: { V3_ALLOWED_HOSTS: name } }) }),
      launchBrowser(name === undefined ? [] : [`--host-resolver-rules=MAP ${name} 127.0.0.1`]),
    ]);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const real = (await cluster.status()).url as string;
    const url = name === undefined ? real : `http://${name}:${new URL(real).port}`;
    return new ConsoleRig(folder, cluster, browser, page, url, listenTo(page, url));
  }

  /** With the administrator's session. @param topology in YAML */
  static async loggedIn(topology: string, options: RigOptions = {}): Promise<ConsoleRig> {
    const rig = await ConsoleRig.start(topology, options);
    await rig.logIn();
    return rig;
  }

  /** By the address that `v3 console` prints. */
  async logIn(): Promise<void> {
    const entry = new URL((await this.cluster.ok(['console'])).trim());
    await this.page.goto(`${this.url}/${entry.hash}`);
    await this.page.getByRole('heading', { name: 'Topology' }).waitFor();
  }

  open(path: string): Promise<unknown> {
    return this.page.goto(`${this.url}/#/${path}`);
  }

  /** Until all of it is on the screen. */
  async show(path: string): Promise<void> {
    await this.open(path);
    await this.page.getByRole('heading', { level: 1 }).waitFor();
    await this.page.waitForFunction(() => !document.body.innerText.includes('Loading…'));
  }

  /** How much wider than the window the page is, CSS pixels. */
  overflow(): Promise<number> {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.cluster.down();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Looks again and again. Jest's limit ends a test that waits in vain. */
export async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    await new Promise(resolve => setTimeout(resolve, 200));
  }
}
