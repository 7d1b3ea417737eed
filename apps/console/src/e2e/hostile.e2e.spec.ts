import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Vm } from '@v3vee/contracts';
import type { Page } from 'playwright-core';
import { launchBrowser } from './browser.fixture';
import { ConsoleRig, START_MS } from './console-rig.fixture';
import { attempts, ForeignSite } from './foreign-site.fixture';

/** Each runs if it is ever taken for markup; SSIDs have 32 bytes. */
const SSIDS = [
  '<img src=x onerror=hacked=1>',
  '<svg/onload=hacked=1>',
  '"><b onclick=hacked=1>"',
  '\u202e\u0301👾﷽‹/title›',
];
const MARKUP = '<img src=x onerror="hacked=1"><script>hacked=1</script>';
const topology = `
hosts:
  alpha: { radios: [{ name: radio0, position: [0, 0] }] }
networks: { lan: { subnet: 10.10.0.0/24 } }
accessPoints:
${SSIDS.map((ssid, n) => `  ap${n}: { ssid: ${JSON.stringify(ssid)}, channel: 6, network: lan, position: [${n}, 4] }`).join('\n')}
vms:
  a1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
  a2: { host: alpha, nics: [{ network: lan, ip: 10.10.0.12/24 }] }
`;

describe('the web console, and what does not mean well', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let page: Page;
  let url: string;

  const open = (path: string) => rig.open(path);
  const guest = (vm: string, script: string) => cluster.v3(['vm', 'exec', vm, '--', 'sh', '-c', script]);

  beforeAll(async () => {
    rig = await ConsoleRig.loggedIn(topology);
    ({ cluster, page, url } = rig);
  }, START_MS);
  afterEach(async () => {
    // A script of others would have left this; the policy would have stopped it, and complained.
    expect(await page.evaluate(() => 'hacked' in globalThis)).toBe(false);
    expect(rig.heard.complaints).toEqual([]);
  });
  afterAll(() => rig?.stop());

  it('shows any SSID as text', async () => {
    await open('wifi');
    for (const ssid of SSIDS) await page.getByText(ssid, { exact: false }).first().waitFor();
    expect(await page.locator('[onerror], [onload], [onclick]').count()).toBe(0);
  });

  it('shows output of a guest as text: markup, titles, links, and bytes that are no text', async () => {
    const says = [
      MARKUP,
      '\\033]0;<script>hacked=1</script>\\007',
      '\\033]8;;javascript:hacked=1\\033\\\\\\\\link\\033]8;;\\033\\\\\\\\',
      '\\033]52;c;aGFja2Vk\\007',
      '\\377\\376\\300\\200\\033[999999999C\\033[?1049h\\033[?1049l',
    ];
    const title = await page.title();
    await open('vms/a1/terminal');
    await page.locator('[data-link="open"]').waitFor();
    for (const each of says) await guest('a1', `printf '${each}\\n' > /dev/ttyS0`);
    await guest('a1', 'echo still=here > /dev/ttyS0');
    await page.locator('.xterm-rows').getByText('still=here').first().waitFor();
    expect(await page.title()).not.toContain('hacked');
    expect(title).not.toBe('');
  });

  it('shows packets of a guest as text', async () => {
    await open('capture/a1/net0');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('running').waitFor();
    await guest(
      'a1',
      `ping -c 1 10.10.0.12; printf '${MARKUP}' | nc -u -w 1 10.10.0.12 53; nslookup '${MARKUP}' 10.10.0.12`,
    );
    await page.getByText('ICMP echo request').first().waitFor();
    const packets = page.getByText(/UDP|DNS/);
    if ((await packets.count()) > 0) await packets.last().click();
    await page.getByRole('button', { name: 'Stop' }).click();
  });

  it('is served with headers that let nobody frame it, guess types, or run a script of others', async () => {
    for (const path of ['/', '/docs', '/openapi.json']) {
      const { headers } = await page.request
        .get(`${url}${path}`)
        .then(response => ({ headers: response.headers() }));
      const policy = headers['content-security-policy'] ?? '';
      expect(policy).toMatch(/(default|script)-src 'self'/);
      expect(policy).not.toMatch(/script-src[^;]*unsafe/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
  });

  it('shows why a guest failed as text, whatever it says', async () => {
    const reason = `kernel panic: ${MARKUP}`;
    const panic = `Kernel panic - not syncing: ${MARKUP}`;
    // The guest ends while the command runs.
    await guest('a2', `printf '%s\\n' '${panic}' > /dev/ttyS0; sync; reboot -f`);
    await open('vms/a2');
    await page.getByText(reason).first().waitFor();
    expect(await cluster.json<Vm>(['vm', 'show', 'a2'])).toMatchObject({ state: 'ERROR', reason });
    for (const screen of ['', 'vms', 'vms/a2', 'vms/a2/terminal', 'vms/a2/events', 'events']) {
      await open(screen);
      await page.getByText(reason).first().waitFor();
      await page.getByText(reason).first().hover();
      expect(await page.locator('[onerror], img[src="x"], main script').count()).toBe(0);
    }
  });

  it('lets a page of another origin neither read, change nor open anything', async () => {
    const site = await ForeignSite.open();
    const token = readFileSync(join(cluster.stateDir, 'admin.token'), 'utf8').trim();
    // In the same browser, where somebody is logged in.
    const foreign = await page.context().newPage();
    try {
      await foreign.goto(site.url);
      expect(await foreign.evaluate(attempts, { url, token })).toEqual({
        'fetch, credentials': 'TypeError',
        'fetch, a stolen token': 'TypeError',
        'fetch, a change': 'TypeError',
        // It may be sent; nobody sees the answer, and nothing happens.
        'fetch, blind': 'opaque 0',
        'a console': 'refused',
        'a console, a stolen token': 'refused',
        'a frame': 'closed',
      });
      await foreign.goto(site.url);
      const answer = foreign.waitForResponse(`${url}/v1/vms/a1:stop`);
      await foreign.evaluate(action => {
        const form = Object.assign(document.createElement('form'), { action, method: 'POST' });
        form.enctype = 'text/plain';
        document.body.append(form);
        form.submit();
      }, `${url}/v1/vms/a1:stop`);
      expect((await answer).status()).toBe(403);
      expect(await (await answer).json()).toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' });
      expect((await cluster.json<Vm>(['vm', 'show', 'a1'])).state).toBe('RUNNING');
    } finally {
      await foreign.close();
      site.close();
    }
  });

  it('is not served under a name that was made to lead here', async () => {
    const { port } = new URL(url);
    const rebound = await launchBrowser(['--host-resolver-rules=MAP evil.test 127.0.0.1']);
    try {
      const evil = await rebound.newPage();
      const answer = await evil.goto(`http://evil.test:${port}/`);
      expect(answer?.status()).toBe(421);
      const asked = await evil.evaluate(() =>
        Promise.all(['/v1/vms', '/openapi.json', '/metrics'].map(async path => (await fetch(path)).status)),
      );
      expect(asked).toEqual([421, 421, 421]);
    } finally {
      await rebound.close();
    }
  });
});
