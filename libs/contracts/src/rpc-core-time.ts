/**
 * Who of the tasks on a shared core has it: Kitten decides, Palacios gates its guests and tells what they do. Both sides
 * say each time how it is, not what changed: a message that gets lost is made good by the next one, and one that is
 * late (`seq` is not greater) is passed over. A task that is not listed has its core: its grant stands.
 */
import { z } from 'zod';
import { taskState } from './host-kernel';
import { announcement, incarnation } from './rpc-call';

/** Kitten says it at each change, and again each {@link GRANTS_AGAIN_MS} while a core is shared. */
export const coreGrants = announcement(
  'kitten.{host}.grants',
  z.object({
    incarnation,
    seq: z.int(),
    tasks: z.array(z.object({ task: z.string(), granted: z.boolean() })),
  }),
);
export type CoreGrants = z.infer<(typeof coreGrants)['message']>;
export const GRANTS_AGAIN_MS = 250;
/** A task from which the core was taken has it again after so long without news: Kitten is not there. */
export const TAKEN_MS = 2_000;

/** Palacios says it each second, and at once when a guest on a shared core halts, wakes up or is stopped. */
export const coreReports = announcement(
  'palacios.{host}.tasks',
  z.object({
    incarnation,
    seq: z.int(),
    tasks: z.array(
      z.object({
        task: z.string(),
        state: taskState.exclude(['EXITED']),
        usedMs: z.number().min(0).describe('since the task began'),
      }),
    ),
  }),
);
export type CoreReports = z.infer<(typeof coreReports)['message']>;
