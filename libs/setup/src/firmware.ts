import { copyFile, mkdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPackages, unpackPackages, type PackageOptions } from './debian-packages';
import { replaceFolder, temporaryName } from './files';
import { withLock } from './lock';

/** The PC firmware that the guests' machine starts with: SeaBIOS, from Debian's package of that name. */
export interface Firmware {
  bios: string;
  vgaBios: string;
}

const files = { bios: 'bios.bin', vgaBios: 'vgabios-stdvga.bin' } as const;

export async function ensureFirmware(options: PackageOptions): Promise<Firmware> {
  const folder = join(options.cache, 'firmware');
  const firmware = { bios: join(folder, files.bios), vgaBios: join(folder, files.vgaBios) };
  const isThere = (): boolean => existsSync(firmware.bios) && existsSync(firmware.vgaBios);
  if (isThere()) return firmware;
  options.progress?.step('Fetching the PC firmware (SeaBIOS)');
  await withLock(join(options.cache, 'firmware.lock'), async () => {
    if (isThere()) return;
    const packages = await fetchPackages([{ name: 'seabios' }], options);
    const tree = temporaryName(join(options.cache, 'unpack'));
    try {
      await unpackPackages(packages, tree, options.env);
      await replaceFolder(folder, async target => {
        await mkdir(target, { recursive: true });
        for (const file of Object.values(files))
          await copyFile(join(tree, 'usr/share/seabios', file), join(target, file));
      });
    } finally {
      await rm(tree, { recursive: true, force: true });
    }
  });
  return firmware;
}
