import { join } from 'node:path';
import type { AccessPoint, Image, List } from '@v3vee/contracts';
import { resolvePaths } from '@v3vee/setup';
import type { Page } from 'playwright-core';
import { PATIENCE_MS, seriousViolations } from './browser.fixture';
import { ConsoleRig, START_MS } from './console-rig.fixture';
import { Forms, type Opening } from './forms.fixture';

const topology = `
hosts:
  alpha: { radios: [{ name: radio0, position: [0, 0] }] }
networks: { lan: { subnet: 10.10.0.0/24 } }
accessPoints: { office: { ssid: Office, channel: 1, network: lan, position: [12, 8] } }
vms:
  a2: { host: alpha, autostart: false, nics: [{ network: lan, ip: 10.10.0.12/24 }] }
`;
const MEBIBYTE = 1 << 20;

describe('access points and images are changed in a browser', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let page: Page;
  let forms: Forms;
  let asked: readonly string[];

  const open = (path: string) => rig.open(path);
  const button = (name: string) => forms.button(name);
  const field = (label: string) => forms.field(label);
  const submit = (name: string) => forms.submit(name);
  const closed = () => forms.closed();
  const row = (name: RegExp) => forms.row(name);
  const act = (of: string, what: string) => forms.act(of, what);
  const wrongAt = (label: string) => forms.wrongAt(label);
  const show = <T>(...args: string[]) => cluster.json<T>(args);

  beforeAll(async () => {
    rig = await ConsoleRig.loggedIn(topology);
    ({ cluster, page } = rig);
    forms = new Forms(rig);
    ({ asked } = forms);
  }, START_MS);
  afterAll(() => rig?.stop());

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
    const context = await rig.browser.newContext();
    const hers = await context.newPage();
    hers.setDefaultTimeout(PATIENCE_MS);
    await hers.goto(rig.url);
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
      await hers.goto(`${rig.url}/#/${path}`);
      const refused = hers.getByRole('button', { name });
      await refused.waitFor();
      expect([path, await refused.isDisabled(), await refused.getAttribute('title')]).toEqual([
        path,
        true,
        'This takes the role operator; yours is viewer',
      ]);
    }
    await hers.goto(`${rig.url}/#/wifi`);
    await hers.getByRole('button', { name: 'Actions of access point office' }).click();
    expect(await hers.getByRole('menuitem', { name: 'Edit…' }).isDisabled()).toBe(true);
    await context.close();
  });

  const dialogs: readonly Opening[] = [
    ['access point', 'wifi', () => button('New access point…').click()],
    ['edited access point', 'wifi', () => act('access point office', 'Edit…')],
    ['image', 'images', () => button('Import…').click()],
  ];

  it.each(['light', 'dark'] as const)(
    'no dialog has a serious barrier, and each fits a phone: %s',
    async theme => {
      await forms.assertUsable(theme, dialogs);
      await page.setViewportSize({ width: 390, height: 780 });
      await open('images');
      await row(/debian built in/).waitFor();
      expect(await seriousViolations(page)).toEqual([]);
      expect(await rig.overflow()).toBe(0);
      await page.setViewportSize({ width: 1280, height: 800 });
    },
  );

  it('nobody else was asked for anything, and there was nothing to complain of', () => {
    expect(rig.heard).toEqual({ foreign: [], complaints: [] });
  });
});
