import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, RadioView, Vm } from '@v3vee/contracts';
import type { Browser, Page } from 'playwright-core';
import { seriousViolations } from './browser.fixture';
import { ConsoleRig, START_MS, until } from './console-rig.fixture';

/** As long as an SSID may be, and harmless only where it is taken as text. */
const HOSTILE = '<img src=x onerror=alert(1)>';
const topology = `
hosts:
  alpha:
    nics: [{ name: eth0, model: rtl8139, network: lan }]
    radios: [{ name: radio0, position: [0, 0] }]
  beta: {}
networks: { lan: { subnet: 10.10.0.0/24 } }
accessPoints:
  home: { ssid: "${HOSTILE}", channel: 6, network: lan, position: [10, 4] }
vms:
  a1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
  a2: { host: alpha, nics: [{ network: lan, ip: 10.10.0.12/24 }, { network: lan, device: eth0, ip: 10.10.0.52/24 }] }
  b1: { host: beta, autostart: false, nics: [{ network: lan, ip: 10.10.0.21/24 }] }
`;
const SCREENS = [
  '',
  'vms',
  'vms/a1',
  'vms/a1/terminal',
  'vms/a1/exits',
  'vms/a1/nics',
  'vms/a1/snapshots',
  'hosts',
  'hosts/alpha',
  'networks',
  'networks/interfaces',
  'networks/routes',
  'networks/links',
  'networks/counters',
  'capture',
  'devices',
  'devices/alpha%2Feth0',
  'wifi',
  'images',
  'activity',
  'activity/migrations',
  'activity/events',
  'projects',
  'projects/default',
  'users',
  'tokens',
  'audit',
];

describe('the web console in a browser', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let browser: Browser;
  let page: Page;
  let url: string;
  let heard: ConsoleRig['heard'];

  const open = (path: string) => rig.open(path);
  const vmRow = (name: string) => page.locator(`[data-vm="${name}"]`);
  const terminal = () => page.locator('.xterm-rows');
  const hostOf = async (vm: string) => (await cluster.json<Vm>(['vm', 'show', vm])).host;
  const address = async () => (await cluster.ok(['console'])).trim();
  /** With a mouse, from the middle of a VM to the middle of a host. */
  const drag = async (vm: string, host: string) => {
    const from = (await vmRow(vm).getByRole('link').boundingBox())!;
    const to = (await page.getByRole('region', { name: `Host ${host}` }).boundingBox())!;
    await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await page.mouse.down();
    await page.mouse.move(to.x + to.width / 2, to.y + to.height - 20, { steps: 8 });
    await page.mouse.up();
  };

  beforeAll(async () => {
    rig = await ConsoleRig.start(topology);
    ({ cluster, browser, page, url, heard } = rig);
  }, START_MS);
  afterAll(() => rig?.stop());

  it('says how to get in, and refuses a wrong token', async () => {
    await page.goto(url);
    await page.getByText('./v3 console').waitFor();
    await page.getByLabel(/token/).fill('not-the-token');
    await page.getByRole('button', { name: 'Log in' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('not valid');
  });

  it('lets in by the address of `v3 console`, once; no log has its code', async () => {
    const entry = await address();
    await page.goto(entry);
    await page.getByRole('heading', { name: 'Topology' }).waitFor();
    expect(page.url()).not.toContain('login');
    const other = await browser.newPage();
    await other.goto(entry);
    expect(await other.getByRole('alert').textContent()).toContain('was used');
    await other.close();
    const log = await cluster.ok(['logs', 'gateway']);
    expect(log).not.toContain(/login=(.*)$/.exec(entry)![1]);
    const token = readFileSync(join(cluster.stateDir, 'admin.token'), 'utf8').trim();
    expect(await page.evaluate(() => JSON.stringify(sessionStorage))).not.toContain(token);
  });

  it('starts a virtual machine', async () => {
    await open('');
    expect(await vmRow('b1').locator('[data-state]').getAttribute('data-state')).toBe('STOPPED');
    await vmRow('b1').getByRole('button', { name: 'Actions of b1' }).click();
    await page.getByRole('menuitem', { name: 'Start' }).click();
    await vmRow('b1').locator('[data-state="RUNNING"]').waitFor();
    await cluster.ok(['vm', 'wait', 'b1', '--for=agent']);
  });

  it('has the serial console in a terminal: typing, floods, a gateway that is killed', async () => {
    await open('vms/a1/terminal');
    await page.locator('[data-link="open"]').waitFor();
    await page.getByRole('button', { name: 'Type here' }).click();
    await page.keyboard.type('\necho sum=$((40+2))\n');
    await terminal().getByText('sum=42').first().waitFor();
    await page.keyboard.type('yes 0123456789abcdef | head -c 200000; echo after=$((3+4))\n');
    await terminal().getByText('after=7').first().waitFor();

    const gateway = (await cluster.status()).services.find(({ name }) => name === 'gateway');
    process.kill(gateway!.pid!, 'SIGKILL');
    await page.locator('[data-link="lost"]').waitFor();
    await page.locator('[data-link="open"]').waitFor();
    await page.getByRole('button', { name: 'Type here' }).click();
    await page.keyboard.type('echo again=$((5+6))\n');
    await terminal().getByText('again=11').first().waitFor();
    await page.keyboard.press('Control+]');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Type here');
  });

  it('migrates a virtual machine that is dragged onto another host', async () => {
    await cluster.ok(['vm', 'exec', 'a1', '--', 'touch', '/tmp/here']);
    await open('');
    await vmRow('a1').waitFor();
    await drag('a1', 'beta');
    const card = page.getByRole('region', { name: 'Migration of a1' });
    await page.locator('.migration[data-phase="COMPLETED"]').waitFor();
    expect(await card.textContent()).toMatch(/Downtime\d+(\.\d+)? ms/);
    expect(await hostOf('a1')).toBe('beta');
    expect(await cluster.ok(['vm', 'exec', 'a1', '--', 'ls', '/tmp'])).toContain('here');
    await card.getByRole('button', { name: 'Put the migration of a1 away' }).click();
  });

  it('says why something can’t be done, and lets a keyboard do what a mouse does', async () => {
    await page.getByRole('button', { name: 'Actions of host alpha' }).click();
    await page.getByRole('menuitem', { name: 'Cordon' }).click();
    await page.getByRole('region', { name: 'Host alpha' }).getByText('cordoned').waitFor();
    await drag('a1', 'alpha');
    await page.getByText('The host gets no further virtual machines').waitFor();
    expect(await hostOf('a1')).toBe('beta');
    await cluster.ok(['host', 'uncordon', 'alpha']);
    await until(
      () => cluster.json<Host>(['host', 'show', 'alpha']),
      ({ cordoned }) => !cordoned,
    );

    await page.getByRole('button', { name: 'Actions of a1' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Pause' }).waitFor();
    for (let name = ''; name !== 'Migrate…';) {
      await page.keyboard.press('ArrowDown');
      name = await page.evaluate(() => document.activeElement?.textContent ?? '');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByLabel('To host').waitFor();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: 'Migrate' })
      .and(page.locator(':enabled'))
      .focus();
    await page.keyboard.press('Enter');
    await page.locator('.migration[data-phase="COMPLETED"]').waitFor();
    expect(await hostOf('a1')).toBe('alpha');
  });

  it('asks before data is lost', async () => {
    await open('vms/b1');
    await page.getByRole('button', { name: 'Stop…' }).first().click();
    const dialog = page.getByRole('dialog');
    expect(await dialog.textContent()).toContain('is lost');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect((await cluster.json<Vm>(['vm', 'show', 'b1'])).state).toBe('RUNNING');
    await page.getByRole('button', { name: 'Stop…' }).first().click();
    await dialog.getByRole('button', { name: 'Stop' }).click();
    await page.locator('.screen-head [data-state="STOPPED"]').waitFor();
  });

  it('shows who has a physical card, and what goes past the VMM', async () => {
    await cluster
      .ok(['vm', 'exec', 'a2', '--', 'ping', '-c', '2', '-I', 'eth1', '10.10.0.11'])
      .catch(() => undefined);
    await open('devices/alpha%2Feth0');
    await page.locator('[data-holder]').getByText('a2').waitFor();
    const legend = (await page.locator('.access-legend').textContent())!;
    const share = (of: string) => Number(new RegExp(`${of}\\s*(?:< )?([\\d.]+) %`).exec(legend)?.[1]);
    expect(share('open')).toBeGreaterThan(50);
    expect(share('exit')).toBeLessThan(10);
    await page.getByRole('region', { name: 'Live trace' }).getByRole('button', { name: 'Start' }).click();
    const pinging = cluster.v3(['vm', 'exec', 'a2', '--', 'ping', '-c', '5', '-I', 'eth1', '10.10.0.11']);
    await page.getByRole('region', { name: 'Trace, the latest first' }).getByText('frame').first().waitFor();
    await pinging;
  });

  it('captures, shows packets, and saves them for Wireshark', async () => {
    await open('capture/a1/net0');
    await page.getByLabel('Filter').fill('icmp');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('running').waitFor();
    const pinging = cluster.v3(['vm', 'exec', 'a1', '--', 'ping', '-c', '10', '-i', '0.3', '10.10.0.12']);
    await page.getByText('ICMP echo request').first().waitFor();
    await pinging;
    await page.getByText('ICMP echo request').first().click();
    expect(
      await page
        .getByLabel(/Octets of packet/)
        .last()
        .textContent(),
    ).toMatch(/^0000 {2}02 /);
    await page.getByRole('button', { name: 'Stop' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save as pcapng' }).click(),
    ]);
    expect(
      readFileSync(await download.path())
        .subarray(0, 4)
        .toString('hex'),
    ).toBe('0a0d0d0a');
    await page.getByLabel('Filter').fill('icmp and (');
    await page.getByRole('button', { name: 'Start' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('filter');
  });

  it('moves a radio by mouse and by arrow keys', async () => {
    const position = async () =>
      (await cluster.json<RadioView>(['wifi', 'radio', 'show', 'alpha/radio0'])).position!;
    await open('wifi');
    const radio = page.locator('[data-antenna="alpha/radio0"]');
    const { x, y, width, height } = (await radio.locator('rect').boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x + 90, y - 60, { steps: 5 });
    await page.mouse.up();
    const [east, north] = await until(position, ([there]) => there > 1);
    expect(north).toBeGreaterThan(0);
    await radio.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await until(position, ([there]) => Math.abs(there - (east - 2)) < 0.01);
  });

  it('takes names of others as text', async () => {
    await open('wifi');
    await page.getByText(HOSTILE).first().waitFor();
    await cluster.ok(['vm', 'exec', 'a1', '--', 'sh', '-c', `echo '${HOSTILE}' > /dev/ttyS0`]);
    await open('vms/a1/terminal');
    await terminal().getByText(HOSTILE).first().waitFor();
  });

  it.each(['light', 'dark'] as const)('has no serious barrier on any screen: %s', async theme => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.evaluate(name => (document.documentElement.dataset.theme = name), theme);
    for (const path of SCREENS) {
      await rig.show(path);
      expect([path, await seriousViolations(page)]).toEqual([path, []]);
    }
    await open('');
    await page.getByRole('button', { name: 'Actions of a1' }).click();
    await page.getByRole('menuitem', { name: 'Migrate…' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
  });

  it('fits a phone', async () => {
    await page.setViewportSize({ width: 390, height: 780 });
    for (const path of SCREENS) {
      await open(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect([path, await rig.overflow()]).toEqual([path, 0]);
    }
    await page.getByRole('button', { name: 'Navigation' }).click();
    await page.getByRole('link', { name: 'Hosts' }).click();
    await page.getByRole('heading', { name: 'Hosts' }).waitFor();
  });

  it('lets out: the session of this browser is over', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('./v3 console').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  it('asked nobody else for anything, and had nothing to complain of', () => {
    expect(heard).toEqual({ foreign: [], complaints: [] });
  });
});
