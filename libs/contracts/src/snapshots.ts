/** What is known of saved states beside their row: how they are stored. */
import { z } from 'zod';
import { resourceName } from './quantities';
import { sha256, snapshot } from './resources';

const bytes = z.int().min(0);

/** Pages are counted once each, whatever how often they are in a memory. */
export const snapshotStorage = z.object({
  uniquePages: z.int().describe('that no other saved state has'),
  uniqueBytes: bytes.describe('on disk; what its removal frees'),
  sharedPages: z.int().describe('that others have, too'),
  sharedBytes: bytes.describe('on disk'),
});
export type SnapshotStorage = z.infer<typeof snapshotStorage>;

export const snapshotDetail = snapshot.extend({
  storage: snapshotStorage.nullable().describe('null: no host that has the store answers, or it is damaged'),
});
export type SnapshotDetail = z.infer<typeof snapshotDetail>;

export const snapshotVerification = z.object({
  intact: z.boolean(),
  pages: z.int().describe('that are as they were'),
  damagedPages: z.int(),
  damage: z.array(z.string()).describe('each names what is damaged; the first 20'),
});
export type SnapshotVerification = z.infer<typeof snapshotVerification>;

export const pageStoreStats = z.object({
  snapshots: z.int().describe('saved states, those that were saved at shut-down included'),
  pages: z.int().describe('different pages'),
  storedBytes: bytes.describe('on disk'),
  logicalBytes: bytes.describe('what the pages of all states would have, each by itself and uncompressed'),
  quotaBytes: bytes.nullable().describe('that snapshots may have on disk; null: as many as there are'),
});
export type PageStoreStats = z.infer<typeof pageStoreStats>;

export const snapshotCollection = pageStoreStats.extend({
  freedBytes: z.int().describe('on disk'),
});
export type SnapshotCollection = z.infer<typeof snapshotCollection>;

export const snapshotImport = z.strictObject({
  blob: sha256.describe('digest of an uploaded blob: what an export gave'),
  vm: z
    .string()
    .min(1)
    .optional()
    .describe('whose snapshot it is to be; none: the VM of the name that it had'),
  name: resourceName.optional().describe('none: the name that it had'),
});
export type SnapshotImport = z.infer<typeof snapshotImport>;

/** What an export says of itself beside the state; read back from files of strangers. */
export const snapshotLabel = z.object({
  version: z.literal(1),
  name: resourceName,
  vmName: resourceName,
  image: resourceName,
  nics: z
    .array(
      z.object({
        network: z.string().max(100),
        vni: z.int(),
        mac: z.string().max(20),
        ip: z.string().max(50).nullable(),
      }),
    )
    .max(32),
  createdAt: z.iso.datetime(),
});
export type SnapshotLabel = z.infer<typeof snapshotLabel>;
