import type { PageKey } from './page';
import { sliced } from './sliced';
import type { Shelves } from './staging';

/** Pages whose place is looked up in one go: about a millisecond. */
const SLICE = 1024;

/** What a checkpoint takes on disk. Bytes of a page are its share of the group that it is compressed with. */
export interface Usage {
  /** Different pages that no other checkpoint has, and their bytes with those of the checkpoint's own file. */
  uniquePages: number;
  uniqueBytes: number;
  /** Different pages that others have, too. */
  sharedPages: number;
  sharedBytes: number;
}

/** @throws V3Error STATE_CORRUPT when the checkpoint is missing or changed */
export async function usageOf(
  { packs, checkpoints }: Pick<Shelves<unknown>, 'packs' | 'checkpoints'>,
  digest: string,
): Promise<Usage> {
  await packs.catalogue.refresh();
  const { manifest, content } = await checkpoints.read(digest);
  const unique = new Set<PageKey>();
  await sliced(manifest.table.length, SLICE, entry => void unique.add(manifest.table.key(entry)));
  const shared = new Set<PageKey>();
  for (const other of await checkpoints.list()) {
    if (other === digest) continue;
    // One that can't be read shares nothing that can be used.
    const read = await checkpoints.read(other).catch(() => undefined);
    const table = read?.manifest.table;
    await sliced(table?.length ?? 0, SLICE, entry => {
      const key = table?.key(entry) as PageKey;
      if (unique.delete(key)) shared.add(key);
    });
  }
  const bytesOf = (keys: Set<PageKey>) => {
    let sum = 0;
    for (const key of keys) {
      const place = packs.catalogue.find(key);
      if (place) sum += place.pack.index.shareOf(place.slot);
    }
    return Math.round(sum);
  };
  return {
    uniquePages: unique.size,
    uniqueBytes: content.length + bytesOf(unique),
    sharedPages: shared.size,
    sharedBytes: bytesOf(shared),
  };
}
