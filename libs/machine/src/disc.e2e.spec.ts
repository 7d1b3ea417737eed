import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskFolder, importRaw } from '@v3vee/disk-store';
import { fetchPackages, resolvePaths, unpackPackages } from '@v3vee/setup';
import type { Guest } from './worker/guest';
import { Guests } from './testing/guests.fixture';

/** Debian's iPXE on a CD: a system of its own, unmodified, that a PC boots through its BIOS. */

let guests: Guests;
let path: string;
let folder: DiskFolder;
let disc: { bytes: number; layer: string };
beforeAll(async () => {
  guests = await Guests.prepare();
  path = await mkdtemp(join(tmpdir(), 'v3-disc-'));
  const packages = await fetchPackages([{ name: 'ipxe' }], { cache: resolvePaths().cache });
  await unpackPackages(packages, path, process.env);
  const iso = join(path, 'usr/lib/ipxe/ipxe.iso');
  folder = await DiskFolder.open(join(path, 'layers'));
  const { size: bytes } = await stat(iso);
  disc = { bytes, layer: await importRaw(folder, createReadStream(iso), bytes) };
}, 240_000);
afterAll(async () => {
  await guests?.stop();
  await rm(path, { recursive: true, force: true });
});

const drive = () => ({ bytes: disc.bytes, readOnly: true, cdrom: true, serial: 'disc' });
const create = () => guests.create(0, { disks: [drive()] });
const layers = () => [folder.files([disc.layer])];

/** Resolves when there is such a text on its screen. */
async function shows(guest: Guest, pattern: RegExp): Promise<string> {
  for (;;) {
    const text = (await guest.screen()).text?.join('\n') ?? '';
    if (pattern.test(text)) return text;
    await guest.caughtUp();
  }
}

it('boots from the disc in its drive, and goes on from a saved state, with the disc', async () => {
  const guest = await create();
  await guest.plugDisks(layers());
  await guest.run();
  await shows(guest, /ISOLINUX/);
  await guest.pause();
  const saved = await guest.save();
  await guest.terminate();

  const other = await create();
  await other.load(saved);
  await other.plugDisks(layers());
  await other.run();
  // what it loads after that comes from the disc too
  expect(await shows(other, /No more network devices/)).toMatch(
    /iPXE 1\.[\s\S]*Open Source Network Boot Firmware/,
  );
  await other.terminate();
}, 240_000);
