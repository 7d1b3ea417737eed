/** Saved states, served by the Palacios of any host that has the store. */
import { z } from 'zod';
import { snapshot } from './resources';
import { call, empty } from './rpc-call';
import { snapshotCollection, snapshotImport, snapshotStorage, snapshotVerification } from './snapshots';

const ofSnapshot = z.object({ snapshotId: z.uuid() });
/** A state of 1 GiB, on a slow disk. */
const LONG = 180_000;

export const snapshotCalls = {
  describe: call('palacios.{host}.snapshot.describe', ofSnapshot, snapshotStorage, 10_000),
  verify: call('palacios.{host}.snapshot.verify', ofSnapshot, snapshotVerification, LONG),
  /** Of a blob in the state folder's `blobs`, for a VM of this host. */
  import: call(
    'palacios.{host}.snapshot.import',
    snapshotImport.required({ vm: true }).extend({ vm: z.uuid() }),
    snapshot,
    LONG,
  ),
  collect: call('palacios.{host}.snapshot.collect', empty, snapshotCollection, LONG),
};
export type SnapshotCall = keyof typeof snapshotCalls;
