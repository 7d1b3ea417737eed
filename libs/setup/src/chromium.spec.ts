import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureChromium } from './chromium';

describe('Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'v3-chromium-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const program = (path: string) => {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '#!/bin/sh\n');
    chmodSync(path, 0o755);
    return path;
  };
  const cache = join(folder, 'cache');
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';

  it('is the one that is named, else the one on PATH, and neither needs anything of ours', async () => {
    const named = program(join(folder, 'mine'));
    const installed = program(join(folder, 'bin', 'chromium'));
    const env = { PATH: join(folder, 'bin') };
    expect(await ensureChromium({ cache, env: { ...env, V3_CHROMIUM: named } })).toEqual({
      program: named,
      env: {},
    });
    expect(await ensureChromium({ cache, env })).toEqual({ program: installed, env: {} });
  });

  it('that was fetched is used without the network, with the libraries that came along', async () => {
    const fetched = program(join(cache, 'chromium', 'usr/lib/chromium/chromium-headless-shell'));
    const common = program(join(cache, 'chromium', 'usr/lib', triplet, 'pulseaudio/libpulsecommon-16.1.so'));
    const { program: found, env } = await ensureChromium({ cache, env: { PATH: join(folder, 'none') } });
    expect(found).toBe(fetched);
    const libraries = env.LD_LIBRARY_PATH?.split(':');
    expect(libraries).toContain(join(cache, 'chromium', 'usr/lib', triplet));
    // Those of one package's own, which are in a folder below.
    expect(libraries).toContain(dirname(common));
  });

  it('that is named and is none is refused', async () => {
    const env = { PATH: '', V3_CHROMIUM: join(folder, 'nothing') };
    await expect(ensureChromium({ cache, env })).rejects.toMatchObject({ code: 'SETUP_FAILED' });
  });
});
