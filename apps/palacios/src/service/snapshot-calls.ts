import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bus, Stoppable } from '@v3vee/bus';
import { snapshotCalls, V3Error } from '@v3vee/contracts';
import { toSnapshot } from '@v3vee/store';
import type { Definitions } from '../lifecycle/ports';
import type { StoredStates } from '../records/saved-states';
import type { StoredSnapshots } from '../records/snapshots';

export interface SnapshotCallsOptions {
  bus: Bus;
  host: string;
  definitions: Definitions;
  states: StoredStates;
  snapshots: StoredSnapshots;
  /** Folder of uploaded files, which the gateway writes. */
  blobs: string;
}

/** Serves what the gateway asks of saved states, whatever host they are of. */
export function serveSnapshots({
  bus,
  host,
  definitions,
  states,
  snapshots,
  blobs,
}: SnapshotCallsOptions): Stoppable {
  const { store } = states;
  const served = [
    bus.serve(snapshotCalls.describe, host, async ({ snapshotId }) =>
      store.usage((await snapshots.get(snapshotId)).digest),
    ),
    bus.serve(snapshotCalls.verify, host, async ({ snapshotId }) => {
      const found = await store.verify((await snapshots.get(snapshotId)).digest);
      return { intact: found.damage.length === 0, ...found };
    }),
    bus.serve(snapshotCalls.import, host, async ({ blob, vm, name }) => {
      const definition = await definitions.get(vm);
      if (name) await snapshots.requireFree(definition, name);
      const file = await open(join(blobs, blob)).catch((cause: Error) => {
        throw new V3Error('BLOB_NOT_FOUND', `host ${host} has no blob ${blob}`, { cause });
      });
      const parts = file.createReadStream({ highWaterMark: 1 << 20 });
      try {
        return toSnapshot(await snapshots.import(definition, { name }, parts));
      } finally {
        parts.destroy();
      }
    }),
    bus.serve(snapshotCalls.collect, host, async () => {
      const freedBytes = await states.collect();
      const { checkpoints, referencedBytes, ...stats } = await store.stats();
      return { ...stats, snapshots: checkpoints, logicalBytes: referencedBytes, freedBytes };
    }),
  ];
  return { stop: () => served.forEach(subscription => subscription.stop()) };
}
