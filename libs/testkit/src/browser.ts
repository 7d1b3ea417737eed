import { createRequire } from 'node:module';
import { ensureChromium, resolvePaths } from '@v3vee/setup';
import type { Browser } from 'playwright-core';

/** @param args more of them, for Chromium @throws V3Error SETUP_FAILED where there is no Chromium and none can be had */
export async function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  const { program, env } = await ensureChromium({ cache: resolvePaths().cache });
  // Only now: whoever measures without a browser may lack it. Jest refuses an import at this point.
  const { chromium } = createRequire(__filename)('playwright-core') as typeof import('playwright-core');
  return chromium.launch({
    executablePath: program,
    env: { ...process.env, ...env } as Record<string, string>,
    // Chromium refuses to run as root with its sandbox, and a container may forbid it; it sees our own pages only.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...args],
  });
}
