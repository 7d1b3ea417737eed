/**
 * Live migration by pre-copy (Clark et al., "Live Migration of Virtual Machines", NSDI 2005): the guest runs while its
 * memory is copied, round by round what it has changed since; then it stands still for the last round. The defaults of
 * the stop rule are the original's. Who owns the VM is decided by one compare-and-swap in the store
 * (docs/SPECIFICATION.md, "One owner").
 */
import { z } from 'zod';
import { resourceName } from './quantities';

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC');

/** What a migration does, in this order; the last three are ends. */
export const migrationPhases = [
  'PREPARING',
  'COPYING',
  'STOPPED',
  'SWITCHING',
  'COMPLETED',
  'CANCELLED',
  'FAILED',
] as const;
export const migrationPhase = z.enum(migrationPhases);
export type MigrationPhase = z.infer<typeof migrationPhase>;

export const migrationOptions = z.strictObject({
  mode: z
    .enum(['precopy', 'stop-and-copy'])
    .default('precopy')
    .describe('stop-and-copy: the guest stands still for all of it'),
  downtimeLimitMs: z
    .int()
    .min(1)
    .max(60_000)
    .default(60)
    .describe('the last round begins when what is left can probably be sent within it'),
  maxRounds: z
    .int()
    .min(1)
    .max(1_000)
    .default(32)
    .describe('after so many rounds the guest stands still anyway'),
  pagesLeft: z.int().min(0).default(200).describe('a round of at most so many pages is the last but one'),
  bandwidthMiBps: z
    .number()
    .positive()
    .optional()
    .describe('of the copy while the guest runs; none: no limit'),
  autoConverge: z
    .boolean()
    .default(false)
    .describe('slow the guest down when it changes memory faster than that can be sent'),
  timeoutSeconds: z.int().min(1).max(3_600).default(300).describe('of all rounds; then it is abandoned'),
});
export type MigrationOptions = z.infer<typeof migrationOptions>;

export const migrationRound = z.object({
  pages: z.int().describe('sent in this round'),
  bytes: z.int().describe('as they went over the wire, compressed'),
  durationMs: z.number(),
  dirtyPagesPerSecond: z.number().describe('changed by the guest meanwhile, as the round found them'),
  throttle: z.number().min(0).max(1).describe('share of its time that the guest was kept from running'),
});
export type MigrationRound = z.infer<typeof migrationRound>;

/** How far a migration is: what the source host tells, and what the store keeps. */
export const migrationProgress = z.object({
  phase: migrationPhase,
  reason: z.string().describe('of the phase: what it waits for, or why it ended'),
  phases: z.array(z.object({ phase: migrationPhase, at: instant })).describe('since when each phase'),
  memoryPages: z.int().describe('of the guest, of 4096 bytes'),
  bytesSent: z.int(),
  pagesSent: z.int(),
  pagesLeft: z.int().describe('found changed when last looked'),
  rounds: z.array(migrationRound),
  predictedDowntimeMs: z.number().nullable().describe('if the guest stood still now'),
  downtimeMs: z.number().nullable().describe('from the guest’s last instruction here to its first there'),
});
export type MigrationProgress = z.infer<typeof migrationProgress>;

/** Of 4096 bytes, as guests' memory is copied. */
export const memoryPages = (memoryMiB: number): number => memoryMiB * 256;

/** Of a migration that has just begun. */
export function initialProgress(memoryMiB: number, reason: string): MigrationProgress {
  const pages = memoryPages(memoryMiB);
  return {
    phase: 'PREPARING',
    reason,
    phases: [{ phase: 'PREPARING', at: new Date().toISOString() }],
    memoryPages: pages,
    bytesSent: 0,
    pagesSent: 0,
    pagesLeft: pages,
    rounds: [],
    predictedDowntimeMs: null,
    downtimeMs: null,
  };
}

export const migration = migrationProgress.extend({
  id: z.uuid(),
  vm: resourceName,
  source: resourceName,
  target: resourceName,
  options: migrationOptions,
  operation: z.uuid(),
  createdAt: instant,
  endedAt: instant.nullable(),
});
export type Migration = z.infer<typeof migration>;

/** Why a migration can't begin: the code is of the error catalogue. */
export const migrationBlocker = z.object({ code: z.string(), detail: z.string() });
export type MigrationBlocker = z.infer<typeof migrationBlocker>;

export const isMigrationEnd = (phase: MigrationPhase): boolean =>
  phase === 'COMPLETED' || phase === 'CANCELLED' || phase === 'FAILED';

/** A NIC that is a physical card: which card of the target host it is to be. */
export const movedCard = z.object({ nic: z.int().min(0), device: resourceName });
export type MovedCard = z.infer<typeof movedCard>;
