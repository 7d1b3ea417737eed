import type { Job, Vm } from '@v3vee/contracts';
import type { Browser, Page } from 'playwright-core';
import { PATIENCE_MS, seriousViolations } from './browser.fixture';
import { ConsoleRig, START_MS } from './console-rig.fixture';

const topology = `
hosts:
  alpha: { radios: [{ name: radio0, position: [0, 0] }] }
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  a1:
    host: alpha
    nics: [{ network: lan, ip: 10.10.0.11/24 }]
    devices: [{ class: virtio-balloon, id: balloon }]
    disks: [{ name: data, size: 16MiB, mount: /data }]
  a2: { host: alpha, autostart: false }
`;
const SCREENS = [
  'vms/a1/screen',
  'vms/a1/memory',
  'vms/a1/disks',
  'vms/a1/events',
  'events',
  'jobs',
  'hosts/alpha',
];
/** A file may be called so, and its job is. */
const HOSTILE = '<img/src=x/onerror=alert(1)>.wasm';

/** A WASI command that prints `text` on standard output (fd_write), then loops for ever. Fewer than 64 bytes of text. */
function printingForever(text: string): Buffer {
  const bytes = Buffer.from(text);
  const section = (id: number, ...content: number[]) => [id, content.length, ...content];
  const name = (word: string) => [word.length, ...Buffer.from(word)];
  const i32 = 0x7f;
  const code = [
    ...[0x00, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 0x00, 0x1a], // fd_write(1, iovec at 0, 1, count at 8); drop
    ...[0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b], // loop br 0 end
  ];
  const iovec = [16, 0, 0, 0, bytes.length, 0, 0, 0];
  const data = [...iovec, ...Array<number>(8).fill(0), ...bytes];
  return Buffer.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, 2, 0x60, 4, i32, i32, i32, i32, 1, i32, 0x60, 0, 0),
    ...section(2, 1, ...name('wasi_snapshot_preview1'), ...name('fd_write'), 0, 0),
    ...section(3, 1, 1),
    ...section(5, 1, 0, 1),
    ...section(7, 2, ...name('memory'), 2, 0, ...name('_start'), 0, 1),
    ...section(10, 1, code.length, ...code),
    ...section(11, 1, 0, 0x41, 0, 0x0b, data.length, ...data),
  ]);
}

describe('a virtual machine and its host in a browser', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let browser: Browser;
  let page: Page;
  let url: string;
  let heard: ConsoleRig['heard'];

  const open = (path: string) => rig.open(path);
  const shown = (row: RegExp) => page.getByRole('row', { name: row }).first().waitFor();
  const killGateway = async () => {
    const gateway = (await cluster.status()).services.find(({ name }) => name === 'gateway');
    process.kill(gateway!.pid!, 'SIGKILL');
  };

  beforeAll(async () => {
    rig = await ConsoleRig.loggedIn(topology);
    ({ cluster, browser, page, url, heard } = rig);
  }, START_MS);
  afterAll(() => rig?.stop());

  it('events come as they happen, also after a gateway that is killed', async () => {
    await open('events');
    await page.getByText('Live', { exact: true }).last().waitFor();
    await cluster.ok(['vm', 'pause', 'a1']);
    await shown(/vm a1 .*running.*Paused/i);
    await killGateway();
    await page.getByText('Connection lost').waitFor();
    await page.getByText('Connection lost').waitFor({ state: 'detached' });
    await cluster.ok(['vm', 'resume', 'a1']);
    await shown(/vm a1 .*paused.*Running/i);
    await page.getByLabel('Kind').selectOption('host');
    await shown(/host alpha/);
    expect(await page.getByRole('row', { name: /a1/ }).count()).toBe(0);
  });

  it('a VM’s own events are with it', async () => {
    await open('vms/a1/events');
    await shown(/vm a1 .*paused.*Running/i);
  });

  it('a screen in text mode can be read, and typed at', async () => {
    await open('vms/a1/screen');
    await page.getByRole('img', { name: /its text follows/ }).waitFor();
    await page.getByRole('group', { name: /Ctrl-\] leaves it/ }).click();
    await page.keyboard.press('Enter');
    await page.locator('pre', { hasText: 'built-in shell' }).waitFor({ state: 'attached' });
    await page.keyboard.type('echo sum=$((40+2))');
    await page.keyboard.press('Enter');
    await page.locator('pre', { hasText: 'sum=42' }).waitFor({ state: 'attached' });
    await page.keyboard.press('Control+]');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
      'Text to be typed',
    );
    await page.keyboard.type('echo product=$((6*7))');
    await page.keyboard.press('Enter');
    await page.locator('pre', { hasText: 'product=42' }).waitFor({ state: 'attached' });
  });

  it('guest memory: its map, octets by address, where a text is, the balloon', async () => {
    await open('vms/a1/memory');
    await shown(/0x00000000 .* ram/);
    await page.getByLabel('Text, or octets such as').fill('Linux version ');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('status').getByRole('button', { name: /^0x/ }).first().click();
    await page.getByLabel(/^Octets from/).waitFor();
    expect(await page.getByLabel(/^Octets from/).textContent()).toContain('Linux version');
    await page.getByLabel('It is to have, MiB').fill('48');
    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByText('of which the guest has given back').waitFor();
  });

  it('disks are added and deleted while the VM is stopped', async () => {
    await open('vms/a1/disks');
    await shown(/data \/dev\/vda/);
    expect(await page.getByRole('button', { name: 'Add disk…' }).isDisabled()).toBe(true);
    await open('vms/a2/disks');
    await page.getByRole('button', { name: 'Add disk…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('spare');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await shown(/spare/);
    await page.getByRole('button', { name: 'Actions of disk spare' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('It has none').waitFor();
    expect((await cluster.json<Vm>(['vm', 'show', 'a2'])).disks).toEqual([]);
  });

  it('a program runs as a native job: its output, its task, its end; its name is text', async () => {
    await open('jobs');
    await page.getByRole('button', { name: 'Run a program…' }).click();
    const buffer = printingForever(`${HOSTILE}\n`);
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: HOSTILE, mimeType: 'application/wasm', buffer });
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.locator('.screen-head [data-state="RUNNING"]').waitFor();
    await page.locator('.job-output').getByText(HOSTILE).waitFor();
    const [job] = (await cluster.json<{ items: Job[] }>(['job', 'list'])).items;
    await open('hosts/alpha');
    await page.getByRole('table', { name: 'Tasks of alpha' }).getByText('native').first().waitFor();
    await open(`jobs/${job!.id}`);
    await page.getByRole('button', { name: `Actions of ${job!.id}` }).click();
    await page.getByRole('menuitem', { name: 'End…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End' }).click();
    await page.locator('.screen-head [data-state="KILLED"]').waitFor();
  });

  it('a VM is defined and started, and its settings are changed', async () => {
    await open('vms');
    await page.getByRole('button', { name: 'New…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('a3');
    await page.getByLabel('Address', { exact: true }).fill('10.10.0.13/24');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.locator('.screen-head [data-state="RUNNING"]').waitFor();
    await page.getByRole('button', { name: 'More actions of a3' }).click();
    await page.getByRole('menuitem', { name: 'Settings…' }).click();
    await page.getByLabel('Start it with the cluster').check();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('with the cluster', { exact: true }).waitFor();
  });

  it('whoever may only look is told so, and moves nothing', async () => {
    await cluster.ok(['user', 'create', 'vera', '--role', 'viewer']);
    const token = (await cluster.ok(['token', 'create', '--user', 'vera'])).trim();
    const context = await browser.newContext();
    const hers = await context.newPage();
    hers.setDefaultTimeout(PATIENCE_MS);
    await hers.goto(url);
    await hers.getByLabel(/token/).fill(token);
    await hers.getByRole('button', { name: 'Log in' }).click();
    await hers.getByText('vera, viewer').waitFor();
    await hers.goto(`${url}/#/wifi`);
    const radio = hers.locator('[data-antenna="alpha/radio0"]');
    expect(await radio.getAttribute('aria-readonly')).toBe('true');
    const before = await radio.getAttribute('transform');
    await radio.focus();
    await hers.keyboard.press('ArrowLeft');
    const { x, y } = (await radio.locator('rect').boundingBox())!;
    await hers.mouse.move(x + 4, y + 4);
    await hers.mouse.down();
    await hers.mouse.move(x + 90, y - 60, { steps: 5 });
    expect(await radio.getAttribute('transform')).toBe(before);
    await hers.mouse.up();
    await hers.goto(`${url}/#/vms`);
    const create = hers.getByRole('button', { name: 'New…' });
    await create.waitFor();
    expect([await create.isDisabled(), await create.getAttribute('title')]).toEqual([
      true,
      'This takes the role operator; yours is viewer',
    ]);
    await hers.goto(`${url}/#/vms/a1/screen`);
    await hers.getByRole('img', { name: /its text follows/ }).waitFor();
    expect(await hers.getByRole('button', { name: 'Ctrl-Alt-Del' }).isDisabled()).toBe(true);
    await context.close();
  });

  it.each(['light', 'dark'] as const)('none of these screens has a serious barrier: %s', async theme => {
    await page.evaluate(name => (document.documentElement.dataset.theme = name), theme);
    for (const path of SCREENS) {
      await rig.show(path);
      expect([path, await seriousViolations(page)]).toEqual([path, []]);
    }
  });

  it('they fit a phone', async () => {
    await page.setViewportSize({ width: 390, height: 780 });
    for (const path of SCREENS) {
      await rig.show(path);
      expect([path, await rig.overflow()]).toEqual([path, 0]);
    }
  });

  it('nobody else was asked for anything, and there was nothing to complain of', () => {
    expect(heard).toEqual({ foreign: [], complaints: [] });
  });
});
