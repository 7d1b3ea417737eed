import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutRoot, resolvePaths } from '../paths';
import { findProgram } from '../run';
import { ensureImage, listBuiltinImages } from './build';
import { imageDigest, imageManifestSchema } from './image-manifest';
import { readSquashfs } from './squashfs.fixture';

const { cache } = resolvePaths();
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'v3-build-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the image "debian"', () => {
  it('is there, whole, and says what it was built from', async () => {
    const { manifest, folder: image } = await ensureImage('debian', { cache });
    expect(imageManifestSchema.parse(manifest)).toMatchObject({
      name: 'debian',
      kernel: { format: 'elf' },
      agent: true,
      configChannel: true,
    });
    expect(manifest.digest).toBe(imageDigest(manifest));
    expect(manifest.cmdline).not.toMatch(/\s\s|\n/);
    const kernel = manifest.packages.find(({ name }) => name.startsWith('linux-image-6.1.0-'));
    expect(kernel).toMatchObject({ architecture: 'i386', version: expect.stringMatching(/^6\.1\./) });
    const initrd = readFileSync(join(image, manifest.initrd!.file));
    // Guests of 64 MB hold it twice while they boot.
    expect(initrd.length).toBeLessThan(12 << 20);
    const usr = readSquashfs(initrd.subarray(initrd.indexOf('hsqs', initrd.indexOf('usr.squashfs'))));
    for (const program of ['ip', 'iperf3', 'NPtcp', 'tcpdump', 'ethtool', 'qemu-ga'])
      expect(usr.get(`bin/${program}`)).toBeDefined();
  }, 300_000);

  // Needs dpkg-deb to unpack; where it is not there, the image is not built but imported.
  (findProgram('dpkg-deb') ? it : it.skip)(
    'is built to the same bytes from the cached packages, without apt and without the network',
    async () => {
      const { manifest } = await ensureImage('debian', { cache });
      mkdirSync(join(folder, 'bin'));
      for (const tool of ['dpkg-deb', 'tar'])
        symlinkSync(findProgram(tool) as string, join(folder, 'bin', tool));
      mkdirSync(join(folder, 'cache/packages'), { recursive: true });
      for (const name of readdirSync(join(cache, 'packages')))
        cpSync(join(cache, 'packages', name), join(folder, 'cache/packages', name));
      const options = { cache: join(folder, 'cache'), env: { PATH: join(folder, 'bin') } };
      const again = await ensureImage('debian', options);
      expect(again.manifest.digest).toBe(manifest.digest);
      expect(readdirSync(options.cache).sort()).toEqual(['built-images', 'images', 'packages']);

      // Another recipe makes another image and leaves the first one alone.
      const recipes = join(folder, 'recipes');
      cpSync(join(checkoutRoot, 'infra/images'), recipes, { recursive: true });
      appendFileSync(join(recipes, 'debian/shutdown'), '# changed\n');
      const other = await ensureImage('debian', { ...options, recipes });
      expect(other.manifest.digest).not.toBe(manifest.digest);
      expect((await ensureImage('debian', options)).manifest).toEqual(again.manifest);

      // A part that was cut off is noticed: it would be built anew, were there still a dpkg-deb.
      truncateSync(join(again.folder, 'vmlinux'), 1000);
      rmSync(join(folder, 'bin/dpkg-deb'));
      await expect(ensureImage('debian', options)).rejects.toThrow(/dpkg-deb is needed/);
    },
    300_000,
  );
});

describe('the image "debian-wifi"', () => {
  it('is "debian" with the 802.11 stack and what it needs', async () => {
    const [{ manifest: base }, { manifest, folder: image }] = [
      await ensureImage('debian', { cache }),
      await ensureImage('debian-wifi', { cache }),
    ];
    const { kernel, bootHeader, cmdline, agent, configChannel } = manifest;
    expect({ kernel, bootHeader, cmdline, agent, configChannel }).toEqual({
      ...{ kernel: base.kernel, bootHeader: base.bootHeader, cmdline: base.cmdline },
      ...{ agent: true, configChannel: true },
    });
    expect(manifest.packages).toContainEqual(
      expect.objectContaining({ name: 'wireless-regdb', architecture: 'all' }),
    );
    const initrd = readFileSync(join(image, manifest.initrd!.file));
    // Guests of 64 MB hold it twice while they boot, beside a kernel of 17 MB.
    expect(initrd.length).toBeLessThan(17 << 20);
    for (const path of ['lib/modules/mac80211_hwsim.ko', 'lib/firmware/regulatory.db.p7s', 'lib/v3vee/boot'])
      expect(initrd.includes(path)).toBe(true);
    const usr = readSquashfs(initrd.subarray(initrd.indexOf('hsqs', initrd.indexOf('usr.squashfs'))));
    for (const program of ['ip', 'qemu-ga', 'iw', 'wpa_supplicant', 'wpa_cli', 'hostapd'])
      expect(usr.get(`bin/${program}`)).toBeDefined();
  }, 300_000);
});

describe('ensureImage', () => {
  it('lists and knows just the recipes of the checkout', async () => {
    expect(await listBuiltinImages()).toEqual(['debian', 'debian-wifi']);
    await expect(ensureImage('windows', { cache: folder })).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
    });
  });
});
