import type { List, Network, Vm, VnetLink, VnetRoute } from '@v3vee/contracts';
import type { Page, Request } from 'playwright-core';
import { ConsoleRig, START_MS, until } from './console-rig.fixture';
import { Forms, type Opening } from './forms.fixture';

const topology = `
hosts: { alpha: {} }
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  a1: { host: alpha, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
  a2: { host: alpha, autostart: false, nics: [{ network: lan, ip: 10.10.0.12/24 }] }
`;
/** As compressed, until the topology is on the screen. */
const FIRST_LOAD_BYTES = 130_000;

describe('networks are changed in a browser', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let page: Page;
  let forms: Forms;
  let asked: readonly string[];
  /** What the page itself is made of. */
  const files: Request[] = [];

  const open = (path: string) => rig.open(path);
  const button = (name: string) => forms.button(name);
  const dialog = () => forms.dialog();
  const field = (label: string) => forms.field(label);
  const submit = (name: string) => forms.submit(name);
  const closed = () => forms.closed();
  const row = (name: RegExp) => forms.row(name);
  const act = (of: string, what: string) => forms.act(of, what);
  const wrongAt = (label: string) => forms.wrongAt(label);
  const focused = () => forms.focused();
  const show = <T>(...args: string[]) => cluster.json<T>(args);

  beforeAll(async () => {
    rig = await ConsoleRig.start(topology);
    ({ cluster, page } = rig);
    forms = new Forms(rig);
    ({ asked } = forms);
    page.on('requestfinished', request => !request.url().includes('/v1/') && files.push(request));
    await rig.logIn();
  }, START_MS);
  afterAll(() => rig?.stop());

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
    await until(
      () => item.getAttribute('title'),
      title => title === 'It has 1 NIC; remove it first',
    );
    expect(await item.isDisabled()).toBe(true);
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

  const dialogs: readonly Opening[] = [
    ['network', 'networks', () => button('New network…').click()],
    ['link', 'networks/links', () => button('New link…').click()],
    ['route', 'networks/routes', () => button('New route…').click()],
    ['settings of a NIC', 'networks/interfaces', () => act('a1/net0', 'Settings…')],
    ['NIC', 'vms/a2/nics', () => button('Add NIC…').click()],
  ];

  it.each(['light', 'dark'] as const)('no dialog has a serious barrier, and each fits a phone: %s', theme =>
    forms.assertUsable(theme, dialogs),
  );

  it('nobody else was asked for anything, and there was nothing to complain of', () => {
    expect(rig.heard).toEqual({ foreign: [], complaints: [] });
  });
});
