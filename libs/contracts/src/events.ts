/** The log of what changed its state, and why; watches go by it. */
import { z } from 'zod';
import { migration } from './migration';
import { host, operation, vm } from './resources';

export const eventKinds = ['vm', 'host', 'migration', 'operation'] as const;
export type EventKind = (typeof eventKinds)[number];

/** Digits: places in the log grow, with gaps. */
export const resourceVersion = z
  .string()
  .regex(/^\d{1,15}$/, 'a resourceVersion is a number that an event or a watch gave');

export const event = z.object({
  resourceVersion: resourceVersion.describe('its place in the log; a watch goes on after it'),
  at: z.iso.datetime().describe('RFC 3339, UTC'),
  kind: z.enum(eventKinds),
  name: z.string().describe('of the VM or the host; id of the migration or the operation'),
  vm: z.string().nullable().describe('name of the VM that it concerns; null: none'),
  before: z.string().nullable().describe('its state until then; null: it is new'),
  state: z.string().describe('its state from then on; DELETED: it is no more'),
  reason: z.string(),
});
export type Event = z.infer<typeof event>;

/** For how long events can be looked up, and how many at most. */
export const EVENTS_KEPT_DAYS = 7;
export const EVENTS_KEPT = 100_000;

/** `after`: go on after this place in the log; none: first what is there now. */
export const watchQuery = z.strictObject({ resourceVersion: resourceVersion.optional() });

/**
 * A line of a watch. `PRESENT`: there when the watch began; `CHANGED`; `DELETED`: `object` is null; `BOOKMARK`: nothing
 * happened, but the watch has come so far.
 */
const watched = <T extends z.ZodType>(object: T) =>
  z.object({
    type: z.enum(['PRESENT', 'CHANGED', 'DELETED', 'BOOKMARK']),
    resourceVersion,
    name: z.string().describe('of the object; empty for a bookmark'),
    object: object.nullable(),
  });
export const watchedVm = watched(vm);
export const watchedHost = watched(host);
export const watchedMigration = watched(migration);
export const watchedOperation = watched(operation);
export type Watched<T> = {
  type: 'PRESENT' | 'CHANGED' | 'DELETED' | 'BOOKMARK';
  resourceVersion: string;
  name: string;
  object: T | null;
};
