import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccessPoint, Image, List, Network, Vm, VnetLink, VnetRoute } from '@v3vee/contracts';
import { resolvePaths } from '@v3vee/setup';
import { TestCluster } from '@v3vee/testkit';
import type { Browser, Page, Request } from 'playwright-core';
import { launchBrowser, listenTo, PATIENCE_MS, seriousViolations } from './browser.fixture';

const topology = `
hosts:
  alpha: { radios: [{ name: radio0, position: [0, 0] }] }
networks: { lan: { subnet: 10.10.0.0/24 } }
accessPoints: { office: { ssid: Office, channel: 1, network: lan, position: [12, 8] } }
vms:
  a1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
  a2: { host: alpha, autostart: false, nics: [{ network: lan, ip: 10.10.0.12/24 }] }
`;
const MEBIBYTE = 1 << 20;
/** As compressed, until the topology is on the screen. */
const FIRST_LOAD_BYTES = 130_000;

describe('what the cluster is made of is changed in a browser', () => {
  let cluster: TestCluster;
  let browser: Browser;
  let page: Page;
  let folder: string;
  let url: string;
  let heard: ReturnType<typeof listenTo>;
  /** Method and path of what the page asked for, in order. */
  const asked: string[] = [];
  /** What of these the page itself is made of. */
  const files: Request[] = [];

  const open = (path: string) => page.goto(`${url}/#/${path}`);
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = () => page.getByRole('dialog');
  const field = (label: string) => dialog().getByLabel(label, { exact: true });
  const submit = (name: string) => dialog().getByRole('button', { name, exact: true }).click();
  const closed = () => dialog().waitFor({ state: 'detached' });
  const row = (name: RegExp) => page.getByRole('row', { name }).first();
  const act = async (of: string, what: string) => {
    await button(`Actions of ${of}`).click();
    await page.getByRole('menuitem', { name: what, exact: true }).click();
  };
  /** What is said to be wrong at a field, once it is. */
  const wrongAt = async (label: string) => {
    await dialog().locator('[aria-invalid=true]').first().waitFor();
    const note = await field(label).getAttribute('aria-describedby');
    expect([label, await field(label).getAttribute('aria-invalid')]).toEqual([label, 'true']);
    return page.locator(`[id="${note}"]`).textContent();
  };
  const focused = () =>
    page.evaluate(
      () => (document.activeElement as HTMLInputElement & { labels?: NodeList })?.labels?.[0]?.textContent,
    );
  const show = <T>(...args: string[]) => cluster.json<T>(args);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v3-console-'));
    const topologyFile = join(folder, 'cluster.yaml');
    writeFileSync(topologyFile, topology);
    [cluster, browser] = await Promise.all([TestCluster.up({ topologyFile }), launchBrowser()]);
    url = (await cluster.status()).url as string;
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(PATIENCE_MS);
    heard = listenTo(page, url);
    page.on('requestfinished', request => !request.url().includes('/v1/') && files.push(request));
    page.on('request', request => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
    await page.goto((await cluster.ok(['console'])).trim());
    await page.getByRole('heading', { name: 'Topology' }).waitFor();
  }, 900_000);
  afterAll(async () => {
    await browser?.close();
    await cluster?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  it('nothing of the forms is loaded before one is opened', async () => {
    expect(asked.filter(each => each.includes('schemas'))).toEqual([]);
    const sizes = await Promise.all(files.map(request => request.sizes()));
    const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    // With the schemas it would be a third more.
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });

  it('a network, by keyboard: what is wrong is said at its fields, in the gateway’s words, and not sent', async () => {
    await open('networks');
    await button('New network…').focus();
    await page.keyboard.press('Enter');
    await page.keyboard.type('Lab!');
    await page.keyboard.press('Tab');
    await page.keyboard.type('10.20.0.0');
    await page.keyboard.press('Enter');
    expect(await wrongAt('Name')).toMatch(/^a name has 1 to 63 lower-case letters/);
    expect(await wrongAt('Subnet')).toBe('an address with its prefix is needed, for example 10.10.0.11/24');
    expect(await focused()).toBe('Name');
    await dialog().getByRole('status').getByText('To be put right: 2 fields').waitFor({ state: 'attached' });
    await field('Name').fill('lan');
    await field('Subnet').fill('10.20.0.0/31');
    await field('DHCP').check();
    await submit('Create');
    // As the gateway refuses it, which a command of the same shows.
    const refused = await cluster.v3(['network', 'create', 'x', '--subnet', '10.20.0.0/31', '--dhcp']);
    expect(refused.stderr).toContain((await wrongAt('Subnet')) as string);
    expect(asked).not.toContain('POST /v1/networks');

    await field('Subnet').fill('10.20.0.0/24');
    await submit('Create');
    expect(await wrongAt('Name')).toContain('lan');
    await field('Name').fill('lab');
    await page.keyboard.press('Enter');
    await closed();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('New network…');
    await row(/lab default 10\.20\.0\.0\/24/).waitFor();
    expect(await show<Network>('network', 'show', 'lab')).toMatchObject({
      subnet: '10.20.0.0/24',
      dhcp: true,
      dns: false,
    });
  });

  it('a link: made, seen in the topology, and only what is changed of it is sent', async () => {
    await open('networks/links');
    await button('New link…').click();
    await field('Name').fill('wan');
    await field('Network').selectOption('lab');
    await field('Type').selectOption('vxlan');
    await field('Peer’s address').fill('127.0.0.1');
    await field('Peer’s port').fill('4789');
    await submit('Create');
    expect(await wrongAt('Peer’s address')).toBe(
      'this link leads to itself; give its ends different addresses or ports',
    );
    await field('Peer’s address').fill('127.0.0.2');
    await field('Own port').fill('47890');
    await field('Impair what passes the link').check();
    await field('Delay, ms').fill('soon');
    await submit('Create');
    expect(await wrongAt('Delay, ms')).toBe('expected a number');
    await field('Delay, ms').fill('20');
    await submit('Create');
    await closed();
    await row(/wan Up vxlan lab/).waitFor();
    await open('');
    await page.locator('.hanging', { hasText: 'wan' }).getByText('vxlan to 127.0.0.2:4789').waitFor();

    await open('networks/links');
    await act('link wan', 'Settings…');
    await field('MTU, bytes').fill('9');
    await submit('Save');
    expect(await wrongAt('MTU, bytes')).toBe('an MTU is at least 68 bytes (RFC 791)');
    await field('MTU, bytes').fill('1300');
    const [patch] = await Promise.all([
      page.waitForRequest(request => request.method() === 'PATCH'),
      submit('Save'),
    ]);
    expect(patch.postDataJSON()).toEqual({ mtu: 1300 });
    await closed();
    expect(await show<VnetLink>('vnet', 'link', 'show', 'wan')).toMatchObject({
      mtu: 1300,
      up: true,
      localPort: 47890,
      impairment: { delayMs: 20, lossPercent: 0, rateKbit: null },
    });
  });

  it('a route: to what is not there it is refused in place; it is seen in the topology; it keeps its link', async () => {
    await open('networks/routes');
    await button('New route…').click();
    await field('To').fill('nowhere');
    await submit('Add');
    expect(await wrongAt('To')).toMatch(/^write "interface" and an address, or "edge"/);
    expect(asked).not.toContain('POST /v1/vnet/routes');
    await field('To').fill('edge nowhere');
    await submit('Add');
    await page.getByText('there is no link nowhere; links are: wan (127.0.0.2)').waitFor();
    expect(await wrongAt('To')).toContain('there is no link nowhere');
    expect(await focused()).toBe('To');
    await field('To').fill('edge wan');
    await field('Destination address').fill('02:00:00:00:00:77');
    await submit('Add');
    await closed();
    const made = (await show<List<VnetRoute>>('vnet', 'route', 'list')).items.filter(
      ({ automatic }) => !automatic,
    );
    expect(made).toMatchObject([{ network: 'lab', destination: '02:00:00:00:00:77', to: 'edge 127.0.0.2' }]);
    await row(/edge 127\.0\.0\.2 wan/).waitFor();
    await open('');
    await page.getByRole('link', { name: '1 route' }).waitFor();

    await open('networks/links');
    await act('link wan', 'Delete…');
    await submit('Delete');
    await page.getByText('routes lead over link wan; delete them first').waitFor();
    await open('networks/routes');
    await act(`route ${made[0]!.index}`, 'Delete…');
    await submit('Delete');
    await row(/02:00:00:00:00:77/).waitFor({ state: 'detached' });
    await open('');
    await page.locator('.bus-label', { hasText: 'lab' }).waitFor();
    expect(await page.getByRole('link', { name: '1 route' }).count()).toBe(0);
  });

  it('NICs: added, with the gateway’s objections at their fields; set; moved to another network; removed', async () => {
    await open('vms/a1/nics');
    expect(await button('Add NIC…').getAttribute('title')).toContain('while it is STOPPED');
    await act('a1/net0', 'Settings…');
    await field('Spoof guard').check();
    await submit('Save');
    await closed();
    expect((await show<Vm>('vm', 'show', 'a1')).nics[0]!.settings).toMatchObject({
      spoofGuard: true,
      linkUp: true,
    });

    await open('vms/a2/nics');
    await button('Add NIC…').click();
    await field('Network').selectOption('lab');
    await field('Address').fill('10.10.0.13/24');
    await submit('Add');
    expect(await wrongAt('Address')).toBe("10.10.0.13/24 is not in network lab's subnet 10.20.0.0/24");
    await field('Address').fill('10.20.0.13/24');
    await submit('Add');
    await closed();
    await row(/eth1 Up virtio-net lab .*10\.20\.0\.13\/24/).waitFor();
    await act('a2/net0', 'Move to another network…');
    await field('Address there').fill('10.20.0.14/24');
    await submit('Move');
    await closed();
    await cluster.ok(['vm', 'start', 'a2']);
    await cluster.ok(['vm', 'wait', 'a2', '--for=agent']);
    const addresses = await cluster.ok(['vm', 'exec', 'a2', '--', 'ip', 'addr']);
    expect(addresses).toMatch(/inet 10\.20\.0\.14\/24[^]*inet 10\.20\.0\.13\/24/);
    await cluster.ok(['vm', 'stop', 'a2']);
    await page.locator('.screen-head [data-state="STOPPED"]').waitFor();
    await act('a2/net1', 'Remove…');
    await submit('Remove');
    await row(/eth1/).waitFor({ state: 'detached' });
    expect((await show<Vm>('vm', 'show', 'a2')).nics).toMatchObject([
      { network: 'lab', ips: ['10.20.0.14/24'] },
    ]);
  });

  it('a network with NICs says why it stays; one without goes, with its link', async () => {
    await open('networks');
    await button('Actions of network lab').click();
    const item = page.getByRole('menuitem', { name: 'Delete…' });
    expect([await item.isDisabled(), await item.getAttribute('title')]).toEqual([
      true,
      'It has 1 NIC; remove it first',
    ]);
    await page.keyboard.press('Escape');
    await open('vms/a2/nics');
    await act('a2/net0', 'Remove…');
    await submit('Remove');
    await page.getByText('It has none').waitFor();
    await open('networks');
    await act('network lab', 'Delete…');
    await submit('Delete');
    await page.getByText(/still has links; delete them first/).waitFor();
    await open('networks/links');
    await act('link wan', 'Delete…');
    await submit('Delete');
    await page.getByText('No link leads outside').waitFor();
    await open('networks');
    await act('network lab', 'Delete…');
    await submit('Delete');
    await row(/lab/).waitFor({ state: 'detached' });
    expect((await show<List<Network>>('network', 'list')).items.map(({ name }) => name)).toEqual(['lan']);
  });

  it('an access point: made, dragged, edited, deleted', async () => {
    const home = () => show<AccessPoint>('wifi', 'ap', 'show', 'home');
    await open('wifi');
    await button('New access point…').click();
    await field('Name').fill('home');
    await field('SSID').fill('x'.repeat(33));
    await field('Power, dBm').fill('55');
    await submit('Create');
    expect(await wrongAt('SSID')).toBe('an SSID has 1 to 32 bytes');
    expect(await wrongAt('Power, dBm')).toBe('transmit power is from -10 to 30 dBm');
    expect(await wrongAt('Passphrase')).toBe('WPA2 needs a passphrase');
    await field('SSID').fill('Home');
    await field('Power, dBm').fill('17');
    await field('Passphrase').fill('correct horse');
    await field('Channel').selectOption('36');
    await field('North, m').fill('6');
    await submit('Create');
    await closed();
    await page.locator('[data-antenna="ap/home"]').waitFor();
    expect(await home()).toMatchObject({ security: 'wpa2-psk', channel: 36, txPower: 17, position: [0, 6] });

    const { x, y, width, height } = (await page.locator('[data-antenna="ap/home"] .grip').boundingBox())!;
    const moved = page.waitForResponse(response => response.url().includes(':setPosition'));
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + 90, y - 20, { steps: 5 });
    await page.mouse.up();
    expect((await moved).status()).toBe(200);
    const [east, north] = (await home()).position!;
    expect([east > 1, north > 6]).toEqual([true, true]);

    await act('access point home', 'Edit…');
    expect(await field('Passphrase').inputValue()).toBe('');
    await field('SSID').fill('Home 2');
    const [patch] = await Promise.all([
      page.waitForRequest(request => request.method() === 'PATCH'),
      submit('Save'),
    ]);
    expect(patch.postDataJSON()).toEqual({ ssid: 'Home 2' });
    await closed();
    expect(await home()).toMatchObject({ ssid: 'Home 2', security: 'wpa2-psk', position: [east, north] });
    await act('access point home', 'Delete…');
    await submit('Delete');
    await page.locator('[data-antenna="ap/home"]').waitFor({ state: 'detached' });
    expect((await show<List<AccessPoint>>('wifi', 'ap', 'list')).items.map(({ name }) => name)).toEqual([
      'office',
    ]);
  });

  it('an image: garbage is refused at its field; an upload is stopped; one is imported, used, deleted', async () => {
    const built = join(resolvePaths().cache, 'images', 'debian');
    const names = async () => (await show<List<Image>>('image', 'list')).items.map(({ name }) => name);
    const before = await names();
    await open('images');
    await row(/debian built in/).waitFor();
    await button('Import…').click();
    await submit('Import');
    expect(await wrongAt('Kernel')).toBe('an image needs a kernel: choose its file');
    const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/octet-stream', buffer });
    await field('Kernel').setInputFiles(file('Garbage 1.bin', Buffer.alloc(0)));
    expect(await field('Name').inputValue()).toBe('garbage-1');
    await submit('Import');
    expect(await wrongAt('Kernel')).toBe('the kernel is empty');
    expect(asked.filter(each => each.startsWith('PUT'))).toEqual([]);
    await field('Kernel').setInputFiles(file('garbage.bin', Buffer.alloc(MEBIBYTE, 'x')));
    await submit('Import');
    await page
      .getByText('the kernel is not a kernel: it is neither a Linux bzImage nor an ELF vmlinux')
      .waitFor();
    expect(await wrongAt('Kernel')).toContain('is not a kernel');
    await field('Kernel').setInputFiles(join(built, 'vmlinux'));
    await field('Initrd (optional)').setInputFiles(file('initrd', Buffer.alloc(100_000, 'x')));
    await submit('Import');
    await page.getByText(/^the initrd is/).waitFor();
    expect(await wrongAt('Initrd (optional)')).toMatch(/^the initrd is/);

    await field('Initrd (optional)').setInputFiles(join(built, 'initrd.cpio'));
    await field('Name').fill('mine');
    const network = await page.context().newCDPSession(page);
    const throttle = (uploadThroughput: number) =>
      network.send('Network.emulateNetworkConditions', {
        ...{ offline: false, latency: 0, downloadThroughput: -1, uploadThroughput },
      });
    await network.send('Network.enable');
    await throttle(MEBIBYTE);
    await submit('Import');
    await page.waitForFunction(
      () => Number(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow')) > 1,
    );
    await submit('Stop');
    await page.getByText('It was stopped; no image was made of it.').waitFor();
    await throttle(-1);
    await submit('Import');
    await closed();
    await row(/mine imported/).waitFor();
    expect(await names()).toEqual([...before, 'mine'].sort());
    expect(await show<Image>('image', 'show', 'mine')).toMatchObject({
      kind: 'imported',
      cmdline: 'console=ttyS0',
    });

    await cluster.ok(['vm', 'create', 'm1', '--host', 'alpha', '--image', 'mine']);
    await row(/mine imported .* 1 VM/).waitFor();
    await button('Actions of image mine').click();
    const item = page.getByRole('menuitem', { name: 'Delete…' });
    expect([await item.isDisabled(), await item.getAttribute('title')]).toEqual([true, 'm1 uses it']);
    await page.keyboard.press('Escape');
    await cluster.ok(['vm', 'delete', 'm1']);
    await row(/mine imported .* nobody/).waitFor();
    await act('image mine', 'Delete…');
    await submit('Delete');
    await row(/mine/).waitFor({ state: 'detached' });
    expect(await names()).toEqual(before);
  });

  it('whoever may only look is told why nothing of it can be done', async () => {
    await cluster.ok(['user', 'create', 'vera', '--role', 'viewer']);
    const token = (await cluster.ok(['token', 'create', '--user', 'vera'])).trim();
    const context = await browser.newContext();
    const hers = await context.newPage();
    hers.setDefaultTimeout(PATIENCE_MS);
    await hers.goto(url);
    await hers.getByLabel(/token/).fill(token);
    await hers.getByRole('button', { name: 'Log in' }).click();
    await hers.getByText('vera, viewer').waitFor();
    for (const [path, name] of [
      ['networks', 'New network…'],
      ['networks/links', 'New link…'],
      ['networks/routes', 'New route…'],
      ['wifi', 'New access point…'],
      ['images', 'Import…'],
      ['vms/a2/nics', 'Add NIC…'],
    ] as const) {
      await hers.goto(`${url}/#/${path}`);
      const refused = hers.getByRole('button', { name });
      await refused.waitFor();
      expect([path, await refused.isDisabled(), await refused.getAttribute('title')]).toEqual([
        path,
        true,
        'This takes the role operator; yours is viewer',
      ]);
    }
    await hers.goto(`${url}/#/wifi`);
    await hers.getByRole('button', { name: 'Actions of access point office' }).click();
    expect(await hers.getByRole('menuitem', { name: 'Edit…' }).isDisabled()).toBe(true);
    await context.close();
  });

  const dialogs: readonly (readonly [name: string, path: string, open: () => Promise<unknown>])[] = [
    ['network', 'networks', () => button('New network…').click()],
    ['link', 'networks/links', () => button('New link…').click()],
    ['route', 'networks/routes', () => button('New route…').click()],
    ['settings of a NIC', 'networks/interfaces', () => act('a1/net0', 'Settings…')],
    ['NIC', 'vms/a2/nics', () => button('Add NIC…').click()],
    ['access point', 'wifi', () => button('New access point…').click()],
    ['edited access point', 'wifi', () => act('access point office', 'Edit…')],
    ['image', 'images', () => button('Import…').click()],
  ];

  it.each(['light', 'dark'] as const)(
    'no dialog has a serious barrier, and each fits a phone: %s',
    async theme => {
      await page.evaluate(name => (document.documentElement.dataset.theme = name), theme);
      for (const [name, path, show] of dialogs) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await open(path);
        await show();
        await dialog().waitFor();
        const impair = dialog().getByLabel(/^Impair what passes/);
        if (await impair.count()) await impair.check();
        const first = dialog().locator('input[type=text]').first();
        await first.fill('!'.repeat(100));
        await dialog().locator('[type=submit]').click();
        await dialog().locator('[aria-invalid=true]').first().waitFor();
        expect([name, await seriousViolations(page)]).toEqual([name, []]);
        await page.setViewportSize({ width: 390, height: 780 });
        const { scrollWidth, clientWidth } = await dialog().evaluate(it => it);
        expect([name, scrollWidth]).toEqual([name, clientWidth]);
        const send = (await dialog().locator('[type=submit]').boundingBox())!;
        expect([name, send.y + send.height < 780]).toEqual([name, true]);
        await page.keyboard.press('Escape');
        await closed();
      }
      await page.setViewportSize({ width: 390, height: 780 });
      await open('images');
      await row(/debian built in/).waitFor();
      expect(await seriousViolations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
      await page.setViewportSize({ width: 1280, height: 800 });
    },
  );

  it('nobody else was asked for anything, and there was nothing to complain of', () => {
    expect(heard).toEqual({ foreign: [], complaints: [] });
  });
});
