import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccessToken, AuditEntry, List, Project, User } from '@v3vee/contracts';
import type { Browser, Page } from 'playwright-core';
import { PATIENCE_MS, seriousViolations } from './browser.fixture';
import { ConsoleRig, START_MS, until } from './console-rig.fixture';

const topology = `
hosts:
  alpha: {}
networks: { lan: { subnet: 10.10.0.0/24 } }
vms:
  ours: { host: alpha, autostart: false, nics: [{ network: lan, ip: 10.10.0.11/24 }] }
`;
const SCREENS = ['projects', 'projects/red', 'users', 'users/anna', 'tokens', 'audit', 'audit/anna'];
/** Of this name a browser thinks that it is elsewhere: a page without TLS from there is no secure context. */
const ELSEWHERE = 'v3.test';

describe('access in the web console', () => {
  let rig: ConsoleRig;
  let cluster: ConsoleRig['cluster'];
  let browser: Browser;
  let page: Page;
  let student: Page;
  let url: string;
  let heard: ConsoleRig['heard'];
  let secret: string;

  const open = (path: string) => rig.open(path);
  const dialog = () => page.getByRole('dialog');
  const row = (table: string, text: string | RegExp) =>
    page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: text });
  const choose = async (menu: string, item: string) => {
    await page.getByRole('button', { name: menu }).click();
    await page.getByRole('menuitem', { name: item }).click();
  };

  beforeAll(async () => {
    rig = await ConsoleRig.loggedIn(topology, { name: ELSEWHERE });
    ({ cluster, browser, page, url, heard } = rig);
    const students = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    student = await students.newPage();
    student.setDefaultTimeout(PATIENCE_MS);
    expect(await page.evaluate(() => isSecureContext)).toBe(false);
  }, START_MS);
  afterAll(() => rig?.stop());

  it('a bad name, and one that is taken, are refused at the field, by the catalogue', async () => {
    await open('projects');
    await page.getByRole('button', { name: 'New project…' }).click();
    const name = dialog().getByLabel('Name');
    let isSent = false;
    page.on('request', request => (isSent ||= request.method() === 'POST'));
    await name.fill('Red Team');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByRole('status').getByText('To be put right: 1 field').waitFor({ state: 'attached' });
    expect([await name.getAttribute('aria-invalid'), isSent]).toEqual(['true', false]);
    const note = page.locator(`[id="${await name.getAttribute('aria-describedby')}"]`);
    expect(await note.textContent()).toContain('1 to 63 lower-case letters');
    expect(await name.evaluate(it => it === document.activeElement)).toBe(true);
    await name.fill('default');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByText('a project named "default" exists').waitFor();
    expect(await note.textContent()).toContain('a project named "default" exists');
    expect([await name.getAttribute('aria-invalid'), isSent]).toEqual(['true', true]);
    expect(await seriousViolations(page)).toEqual([]);
    expect((await cluster.json<List<Project>>(['project', 'list'])).items).toHaveLength(1);
  });

  it('an admin makes a project with a quota', async () => {
    await dialog().getByLabel('Name').fill('red');
    await dialog().getByLabel('Virtual machines').fill('many');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByText('a whole number, or nothing for no limit', { exact: true }).waitFor();
    await dialog().getByLabel('Virtual machines').fill('2');
    await dialog().getByLabel('Memory', { exact: true }).fill('0.5');
    await dialog().getByLabel('Unit of memory').selectOption('GiB');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'red', level: 1 }).waitFor();
    const made = await cluster.json<Project>(['project', 'show', 'red']);
    expect(made).toMatchObject({ maxVms: 2, maxMemoryMiB: 512, maxSnapshotBytes: null });
    await cluster.ok(['vm', 'create', 'theirs', '--host', 'alpha', '--project', 'red']);
    await page.getByRole('table', { name: 'Virtual machines of red' }).getByText('theirs').waitFor();
    await page.getByText('1 of 2').waitFor();
    const meter = page.getByRole('meter', { name: 'Virtual machines of red taken' });
    expect(await meter.getAttribute('aria-valuenow')).toBe('50');
  });

  it('a user in it, by keyboard alone, and a token that is shown once and copied', async () => {
    await page.getByRole('button', { name: 'New user…' }).focus();
    await page.keyboard.press('Enter');
    await dialog().getByLabel('Name').waitFor();
    await page.keyboard.type('anna');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'anna', level: 1 }).waitFor();
    expect(await cluster.json<User>(['user', 'show', 'anna'])).toMatchObject({
      ...{ role: 'operator', project: 'red', tokens: 0, disabled: false },
    });
    // Whose it is may be learnt late.
    let learn = () => undefined as void;
    const learnt = new Promise<void>(resolve => (learn = resolve));
    await page.route(/\/v1\/users\?/, async route => {
      await learnt;
      await route.continue();
    });
    await page.getByRole('button', { name: 'New token…' }).first().click();
    await dialog().getByLabel('Good for').selectOption('7 days');
    expect(await dialog().getByLabel('Confined to project').isDisabled()).toBe(true);
    learn();
    await dialog().getByText('anna is of this project, and so are all its tokens').waitFor();
    expect(await dialog().getByLabel('Confined to project').isDisabled()).toBe(true);
    await page.unrouteAll({ behavior: 'wait' });
    await dialog().getByRole('button', { name: 'Create' }).click();
    const shown = page.getByRole('textbox', { name: 'Token for anna' });
    secret = await shown.inputValue();
    expect(secret).toMatch(/^v3_[\w-]{43}$/);
    expect(await seriousViolations(page)).toEqual([]);
    // A browser asks only the first time whether Escape may close it.
    for (let times = 0; times < 3; times++) await page.keyboard.press('Escape');
    expect(await shown.inputValue()).toBe(secret);
    await page.getByRole('button', { name: 'Copy the token' }).click();
    await page.getByRole('status').filter({ hasText: 'Copied' }).waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Done' }).click();
    const id = (await cluster.json<List<AccessToken>>(['token', 'list', '--user', 'anna'])).items[0]!.id;
    await row('Tokens of anna', id.slice(0, 8)).getByText('Valid').waitFor();
    expect(await page.content()).not.toContain(secret);
    await open('users');
    await page.getByRole('searchbox').focus();
    await page.keyboard.press('Control+v');
    expect(await page.getByRole('searchbox').inputValue()).toBe(secret);
  });

  it('the student gets in, sees what is of the own project, and what can’t be done, and why', async () => {
    await student.goto(url);
    await student.getByLabel(/token/).fill(secret);
    await student.getByRole('button', { name: 'Log in' }).click();
    await student.getByText('anna, operator of red').waitFor();
    await student.goto(`${url}/#/vms`);
    await student.getByRole('link', { name: 'theirs' }).waitFor();
    expect(await student.getByRole('link', { name: 'ours' }).count()).toBe(0);
    await student.goto(`${url}/#/projects`);
    await student.getByRole('link', { name: 'red', exact: true }).click();
    await student.getByText('1 of 2').waitFor();
    const why = 'This takes the role admin; yours is operator';
    const change = student.getByRole('button', { name: 'Change quotas…' });
    expect([await change.isDisabled(), await change.getAttribute('title')]).toEqual([true, why]);
    await student.getByText(`Who else is in it is for admins to see. ${why}.`).waitFor();
    await student.getByRole('button', { name: 'Actions of project red' }).click();
    const deletion = student.getByRole('menuitem', { name: 'Delete…' });
    expect([await deletion.isDisabled(), await deletion.getAttribute('title')]).toEqual([true, why]);
    await student.keyboard.press('Escape');
    const nav = student.getByRole('navigation', { name: 'Main' });
    expect(await nav.getByRole('link', { name: 'Projects' }).count()).toBe(1);
    for (const hidden of ['Users', 'Tokens', 'Audit log'])
      expect([hidden, await nav.getByRole('link', { name: hidden }).count()]).toEqual([hidden, 0]);
    await student.goto(`${url}/#/audit`);
    await student.getByText('This is not allowed to the caller').waitFor();
    expect(await seriousViolations(student)).toEqual([]);
  });

  it('a project that is in use, and one that stays, are not deleted', async () => {
    await open('projects');
    await page.getByRole('button', { name: 'Actions of project red' }).click();
    const deletion = page.getByRole('menuitem', { name: 'Delete…' });
    expect([await deletion.isDisabled(), await deletion.getAttribute('title')]).toEqual([
      true,
      'It still has virtual machines, networks or snapshots',
    ]);
    await page.keyboard.press('Escape');
    await cluster.ok(['project', 'create', 'blue']);
    await choose('Actions of project blue', 'Delete…');
    await cluster.ok(['user', 'create', 'ben', '--role', 'viewer', '--project', 'blue']);
    await dialog().getByRole('button', { name: 'Delete' }).click();
    expect(await dialog().getByRole('alert').textContent()).toContain('The project is in use');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
  });

  it('a role is changed, a user disabled, enabled and deleted', async () => {
    const ben = () => cluster.json<User>(['user', 'show', 'ben']);
    await open('users');
    await choose('Actions of ben', 'Change role…');
    await dialog().getByLabel('Role').selectOption('operator');
    await dialog().getByRole('button', { name: 'Change' }).click();
    await row('Users', 'ben').getByText('operator').waitFor();
    expect((await ben()).role).toBe('operator');
    await choose('Actions of ben', 'Disable…');
    await dialog().getByRole('button', { name: 'Disable' }).click();
    await row('Users', 'ben').getByText('Disabled').waitFor();
    expect((await ben()).disabled).toBe(true);
    await choose('Actions of ben', 'Enable');
    await row('Users', 'ben').getByText('Enabled').waitFor();
    await choose('Actions of ben', 'Delete…');
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await row('Users', 'ben').waitFor({ state: 'detached' });
    expect((await cluster.v3(['user', 'show', 'ben'])).stderr).toContain('No such user');
    await open('projects');
    await until(
      () => row('Projects', 'blue').getByRole('cell').nth(5).textContent(),
      users => users === '0',
    );
    await choose('Actions of project blue', 'Delete…');
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await row('Projects', 'blue').waitFor({ state: 'detached' });
  });

  it('nobody is offered to lock themselves out', async () => {
    await cluster.ok(['user', 'create', 'eva', '--role', 'admin']);
    const token = (await cluster.ok(['token', 'create', '--user', 'eva'])).trim();
    const own = await (await browser.newContext()).newPage();
    own.setDefaultTimeout(PATIENCE_MS);
    await own.goto(url);
    await own.getByLabel(/token/).fill(token);
    await own.getByRole('button', { name: 'Log in' }).click();
    await own.getByRole('link', { name: 'Users' }).click();
    await own.getByRole('button', { name: 'Actions of eva' }).click();
    const why = 'That is you: another admin has to';
    for (const name of ['Change role…', 'Disable…', 'Delete…']) {
      const item = own.getByRole('menuitem', { name });
      expect([name, await item.isDisabled(), await item.getAttribute('title')]).toEqual([name, true, why]);
    }
    await own.context().close();
    await cluster.ok(['user', 'delete', 'eva']);
  });

  it('quotas are changed: empty is no limit, and what is there stays', async () => {
    await open('projects/red');
    await page.getByRole('button', { name: 'Change quotas…' }).click();
    await dialog().getByLabel('Virtual machines').fill('0');
    await dialog().getByLabel('Memory', { exact: true }).fill('');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await page.getByText('over', { exact: true }).waitFor();
    expect(await cluster.json<Project>(['project', 'show', 'red'])).toMatchObject({
      ...{ vms: 1, maxVms: 0, maxMemoryMiB: null },
    });
  });

  it('a token that is revoked puts its student out at once, and says why', async () => {
    await student.goto(`${url}/#/vms`);
    await student.getByRole('link', { name: 'theirs' }).waitFor();
    await open('tokens');
    await row('Tokens', 'anna')
      .getByRole('button', { name: /^Revoke/ })
      .click();
    expect(await dialog().textContent()).toContain('lets nobody in any more');
    await dialog().getByRole('button', { name: 'Revoke' }).click();
    await row('Tokens', 'anna').getByText('Revoked').waitFor();
    await student.getByText('./v3 console').waitFor();
    expect(await student.getByRole('alert').textContent()).toContain('was revoked');
    await student.getByLabel(/token/).fill(secret);
    await student.getByRole('button', { name: 'Log in' }).click();
    await student.getByRole('alert').getByText('was revoked').waitFor();
  });

  it('the audit log has it all, is asked for a part of it, and goes back page by page', async () => {
    await open('audit');
    const entries = page.getByRole('table', { name: 'Entries, newest first' });
    await entries.getByText('revokeToken').waitFor();
    const search = page.getByRole('search');
    await search.getByLabel('Outcome').selectOption('refused');
    await entries.getByText('401 UNAUTHENTICATED').first().waitFor();
    await entries.getByText('403 PERMISSION_DENIED').first().waitFor();
    await until(
      () => entries.getByText('Done').count(),
      count => count === 0,
    );
    await page.getByRole('button', { name: 'Show all' }).click();
    await search.getByLabel('Did').selectOption('createUser');
    await search.getByLabel('When').selectOption('in the last hour');
    const { items } = await cluster.json<List<AuditEntry>>(['audit', '--action', 'createUser']);
    await until(
      () => entries.getByRole('row').count(),
      count => count === items.length + 1,
    );
    await search.getByLabel('To', { exact: true }).fill('nowhere');
    await page.getByText('Nothing that was noted fits.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await entries.getByRole('link', { name: 'anna' }).first().click();
    await page.waitForURL(/#\/audit\/anna$/);
    // The address is there before the screen.
    await until(
      () => search.getByLabel('Who').inputValue(),
      who => who === 'anna',
    );
  });

  it('the audit log is followed, and older entries are there when they are asked for', async () => {
    const real = (await cluster.status()).url as string;
    const token = readFileSync(join(cluster.stateDir, 'admin.token'), 'utf8').trim();
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
    for (let n = 0; n < 130; n++) {
      const body = JSON.stringify({ name: 'Not a name' });
      const { status } = await fetch(`${real}/v1/projects`, { method: 'POST', headers, body });
      expect(status).toBe(400);
    }
    await open('audit');
    await page.getByText('100 are shown').waitFor();
    await page.getByRole('button', { name: 'Show older ones' }).click();
    await until(
      () => page.getByRole('table', { name: 'Entries, newest first' }).getByRole('row').count(),
      count => count > 130,
    );
    await cluster.ok(['network', 'create', 'green']);
    await row('Entries, newest first', 'createNetwork').waitFor();
  });

  it.each(['light', 'dark'] as const)('no screen of it has a serious barrier: %s', async theme => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.evaluate(name => (document.documentElement.dataset.theme = name), theme);
    for (const path of SCREENS) {
      await rig.show(path);
      expect([path, await seriousViolations(page)]).toEqual([path, []]);
    }
    for (const [path, button] of [
      ['users', 'New user…'],
      ['tokens', 'New token…'],
      ['projects/red', 'Change quotas…'],
    ] as const) {
      await open(path);
      await page.getByRole('button', { name: button }).click();
      await dialog().waitFor();
      expect([button, await seriousViolations(page)]).toEqual([button, []]);
      await dialog().getByRole('button', { name: 'Cancel' }).click();
    }
  });

  it('each fits a phone', async () => {
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
