import type { MachineCut } from '../state/machine-state';
import type { LastCut } from '../worker/live/live-copy';
import type { DiskLayers } from '../worker/disks';
import { PAGE_BYTES, type PageBatch } from '../worker/live/pages';
import { PreCopy, type CopySource } from './outgoing-copy';

/** Rounds after which the guest stands still anyway. */
const MAX_ROUNDS = 4;
/** So few pages are copied in a fraction of the time that it takes to look for them. */
const FEW_PAGES = 256;

export interface CaptureSource extends CopySource {
  cut(disks?: DiskLayers): Promise<LastCut>;
}

/**
 * A machine as it is at one instant: its pages are copied while it runs, and it stands still only for those that it has
 * changed since then, and for its devices.
 * @param source of a copy that begins from the base
 * @param disks layers with which its disks go on from that instant
 */
export async function capture(
  source: CaptureSource,
  base: Uint8Array<SharedArrayBuffer> | undefined,
  disks?: DiskLayers,
): Promise<MachineCut> {
  const changes = new Map<number, Uint8Array>();
  const take = ({ numbers, bytes }: PageBatch) =>
    numbers.forEach((page, i) => changes.set(page, bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES)));
  const copy = new PreCopy(source);
  try {
    for (let round = 1, before = Infinity; round <= MAX_ROUNDS; round++) {
      const { pages } = await copy.round(async batch => take(batch));
      if (pages <= FEW_PAGES || pages > before / 2) break;
      before = pages;
    }
    const { head, batches, pauseMs } = await source.cut(disks);
    batches.forEach(take);
    return { ...head, base, changes, pauseMs };
  } finally {
    await copy.stop();
  }
}
