import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';

export { launchBrowser } from '@v3vee/testkit';

/** How long what must come may take; the machine may be busy with other clusters. */
export const PATIENCE_MS = 120_000;

/** What a page asks of others than its origin, and what it complains of; both grow. */
export function listenTo(page: Page, origin: string): { foreign: string[]; complaints: string[] } {
  const heard = { foreign: [] as string[], complaints: [] as string[] };
  page.on('request', request => {
    if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(origin))
      heard.foreign.push(request.url());
  });
  page.on('dialog', dialog => {
    heard.complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', error => heard.complaints.push(error.message));
  page.on('console', message => {
    if (/Content.Security.Policy/i.test(message.text())) heard.complaints.push(message.text());
  });
  return heard;
}

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Violations of the WCAG that axe finds and calls serious or critical, for people to read. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    interface Found {
      id: string;
      impact: string;
      nodes: { target: string[]; failureSummary: string }[];
    }
    const { run } = (globalThis as unknown as { axe: { run(): Promise<{ violations: Found[] }> } }).axe;
    const { violations } = await run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(node => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`),
      );
  });
}
