/** Live migration: between the Palacios of two hosts, begun by the gateway. */
import { z } from 'zod';
import { migrationOptions, migrationProgress, movedCard } from './migration';
import { resourceName } from './quantities';
import { announcement, call, empty } from './rpc-call';

const ofMigration = z.object({ migrationId: z.uuid() });
/** Of the copy's receiving end: which migration of which VM, as the store had it when it began. */
const incoming = ofMigration.extend({ vmId: z.uuid(), source: resourceName, epoch: z.int() });

/** Served by the source host. */
export const migrationSourceCalls = {
  /**
   * Begins to move a VM of this host; answered at once, the rest is told by `migrationChanged`. Refuses what can't be
   * begun; a migration that is under way already is answered like the first time.
   */
  migrate: call(
    'palacios.{host}.migration.begin',
    ofMigration.extend({
      vmId: z.uuid(),
      epoch: z.int(),
      target: resourceName,
      cards: z.array(movedCard),
      options: migrationOptions,
    }),
    empty,
    15_000,
  ),
  /** Abandons it, unless the owner has been swapped already (MIGRATION_TOO_LATE); the guest goes on here. */
  cancel: call('palacios.{host}.migration.cancel', ofMigration, empty, 30_000),
  /** How far it is; MIGRATION_NOT_FOUND when this Palacios knows nothing of it (any more). */
  progress: call('palacios.{host}.migration.progress', ofMigration, migrationProgress),
};
/** Served by the target host, called by the source. */
export const migrationTargetCalls = {
  /**
   * Reserves memory, core and devices and makes a machine that takes pages from `rawSubjects.migration(target, id)` on.
   * `template`: key of the post-boot template whose memory it holds already, null: zeros. It ends by itself when nothing
   * comes for 30 s, before the swap.
   */
  prepare: call(
    'palacios.{host}.migration.prepare',
    incoming.extend({
      engineVersion: z.string(),
      imageDigest: z.string(),
      template: z.string().nullable(),
      cards: z.array(movedCard),
      options: migrationOptions,
    }),
    z.object({ template: z.string().nullable() }),
    60_000,
  ),
  /**
   * All pages and the device state are there: loads them, and swaps the owner in the store; then the guest runs (or stays
   * paused). `pages`: how many came in all. Fails without a swap, or is answered at once after it, so that frames that
   * were kept for the guest need not wait for it to run; asked again it answers the same.
   */
  complete: call(
    'palacios.{host}.migration.complete',
    ofMigration.extend({
      pages: z.int(),
      paused: z.boolean(),
      stoodStillMs: z.number().min(0).describe('how long the guest has stood still already'),
    }),
    z.object({ epoch: z.int() }),
    15_000,
  ),
  /** Answered when frames of all hosts reach the VM there, and its status is in the store. */
  known: call(
    'palacios.{host}.migration.known',
    ofMigration,
    z.object({ tookMs: z.number().describe('from `complete` until the guest ran') }),
  ),
  /** Ends it and frees everything, unless the owner has been swapped (MIGRATION_TOO_LATE). */
  abandon: call('palacios.{host}.migration.abandon', ofMigration, empty, 15_000),
};
/** The source host tells how its migration goes on: at each change, at most ten times a second. */
export const migrationChanged = announcement(
  'event.migration.{host}',
  ofMigration.extend({ progress: migrationProgress }),
);
