import type { Page } from 'playwright-core';
import { seriousViolations } from './browser.fixture';
import type { ConsoleRig } from './console-rig.fixture';

/** A dialog with a form, where it is, and how it is opened there. */
export type Opening = readonly [name: string, path: string, open: () => Promise<unknown>];

/** Forms of a page, as somebody fills them in. */
export class Forms {
  private readonly page: Page;
  /** Method and path of what the page asked for, in order. */
  readonly asked: string[] = [];

  constructor(private readonly rig: ConsoleRig) {
    this.page = rig.page;
    const { asked } = this;
    this.page.on('request', request => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  }

  readonly button = (name: string) => this.page.getByRole('button', { name, exact: true });
  readonly dialog = () => this.page.getByRole('dialog');
  readonly field = (label: string) => this.dialog().getByLabel(label, { exact: true });
  readonly submit = (name: string) => this.dialog().getByRole('button', { name, exact: true }).click();
  readonly closed = () => this.dialog().waitFor({ state: 'detached' });
  readonly row = (name: RegExp) => this.page.getByRole('row', { name }).first();
  readonly act = async (of: string, what: string) => {
    await this.button(`Actions of ${of}`).click();
    await this.page.getByRole('menuitem', { name: what, exact: true }).click();
  };
  /** What is said to be wrong at a field, once it is. */
  readonly wrongAt = async (label: string) => {
    await this.dialog().locator('[aria-invalid=true]').first().waitFor();
    const note = await this.field(label).getAttribute('aria-describedby');
    expect([label, await this.field(label).getAttribute('aria-invalid')]).toEqual([label, 'true']);
    return this.page.locator(`[id="${note}"]`).textContent();
  };
  /** Label of the field where one types. */
  readonly focused = () =>
    this.page.evaluate(
      () => (document.activeElement as HTMLInputElement & { labels?: NodeList })?.labels?.[0]?.textContent,
    );

  /** No dialog has a serious barrier while something is wrong in it, and each fits a phone. */
  async assertUsable(theme: 'light' | 'dark', dialogs: readonly Opening[]): Promise<void> {
    const { page, rig } = this;
    await page.evaluate(name => (document.documentElement.dataset.theme = name), theme);
    for (const [name, path, show] of dialogs) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await rig.open(path);
      await show();
      await this.dialog().waitFor();
      const impair = this.dialog().getByLabel(/^Impair what passes/);
      if (await impair.count()) await impair.check();
      const first = this.dialog().locator('input[type=text]').first();
      await first.fill('!'.repeat(100));
      await this.dialog().locator('[type=submit]').click();
      await this.dialog().locator('[aria-invalid=true]').first().waitFor();
      expect([name, await seriousViolations(page)]).toEqual([name, []]);
      await page.setViewportSize({ width: 390, height: 780 });
      const { scrollWidth, clientWidth } = await this.dialog().evaluate(it => it);
      expect([name, scrollWidth]).toEqual([name, clientWidth]);
      const send = (await this.dialog().locator('[type=submit]').boundingBox())!;
      expect([name, send.y + send.height < 780]).toEqual([name, true]);
      await page.keyboard.press('Escape');
      await this.closed();
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  }
}
