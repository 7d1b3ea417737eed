import type { Topology } from '@v3vee/contracts';
import {
  ensureFirmware,
  ensureImage,
  ensureNats,
  ensurePostgres,
  listBuiltinImages,
  type Progress,
} from '@v3vee/setup';
import { paths } from './session';

/** Fetches and builds, once, what a cluster needs beyond npm packages; quick when the cache has it all. */
export async function setUp(images: Iterable<string>, progress: Progress): Promise<void> {
  const { cache } = paths();
  if (!process.env.NATS_URL) await ensureNats({ cache, progress });
  if (!process.env.DATABASE_URL) await ensurePostgres({ cache, progress });
  await ensureFirmware({ cache, progress });
  const builtin = new Set(await listBuiltinImages());
  // Imported images need nothing; the gateway says which ones it does not know.
  for (const image of new Set(images)) if (builtin.has(image)) await ensureImage(image, { cache, progress });
}

export function imagesOf(topology: Topology): string[] {
  return Object.values(topology.vms).map(vm => vm.image);
}
