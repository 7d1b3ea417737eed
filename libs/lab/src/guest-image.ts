import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageStore, type Firmware, type LoadedImage } from '@v3vee/machine';
import { ensureFirmware, ensureImage, resolvePaths } from '@v3vee/setup';

/** The built-in image and the firmware: what every guest of a lab boots, on whatever engine. */
export async function debianImage(): Promise<{ image: LoadedImage; firmware: Firmware }> {
  const { cache } = resolvePaths();
  await ensureImage('debian', { cache });
  const files = await ensureFirmware({ cache });
  const image = await new ImageStore({ builtIn: join(cache, 'images') }).load('debian');
  const [bios, vgaBios] = await Promise.all([readFile(files.bios), readFile(files.vgaBios)]);
  return { image, firmware: { bios, vgaBios } };
}
