/** What a host's kernel shows: its memory map, its address spaces, its tasks. Times in ms, sizes in bytes. */
import { z } from 'zod';
import { resourceName } from './quantities';

/** Kitten's own state names (include/lwk/task.h). */
export const taskStates = ['RUNNING', 'INTERRUPTIBLE', 'UNINTERRUPTIBLE', 'STOPPED', 'EXITED'] as const;
export const taskState = z.enum(taskStates);
export type TaskState = z.infer<typeof taskState>;

/** `idle`: what a core runs when nothing else wants it; `guest`: a VM's core; `native`: a rank of a job. */
export const taskKinds = ['idle', 'guest', 'native'] as const;
export type TaskKind = (typeof taskKinds)[number];

export const DEFAULT_SCHED_HZ = 1;
export const schedHz = z.int().min(1).max(100, 'Kitten looks at a shared core at most 100 times a second');
/** How many guests may share a core of a host. */
export const overcommit = z.int().min(1).max(16, 'at most 16 guests share a core');

const reservation = z
  .int()
  .min(10, 'slices and periods last 10 to 10000 ms')
  .max(10_000, 'slices and periods last 10 to 10000 ms');
/** Round robin, or earliest deadline first: `sliceMs` of each `periodMs`, before all that is round robin. */
export const taskPolicy = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rr') }),
  z
    .strictObject({ kind: z.literal('edf'), sliceMs: reservation, periodMs: reservation })
    .refine(({ sliceMs, periodMs }) => sliceMs <= periodMs, {
      path: ['sliceMs'],
      message: 'a slice is not longer than its period',
    }),
]);
export type TaskPolicy = z.infer<typeof taskPolicy>;

/** As a host's kernel knows it. */
export const kernelTask = z.object({
  id: z.int(),
  name: z.string().describe('vm/<id>, a native task’s own, idle/<core>'),
  kind: z.enum(taskKinds),
  aspace: z.int(),
  core: z.int(),
  affinity: z.array(z.int()).nullable().describe('cores that it may be on; null: all'),
  state: taskState,
  policy: taskPolicy,
  onCore: z.boolean().describe('it has the core now'),
  shared: z.boolean().describe('it has to share the core; else its grant stands'),
  grantedMs: z.number().describe('for which it had the core'),
  usedMs: z.number().describe('of processor time that it used, as its holder tells'),
  share: z.number().describe('grantedMs by the time that it is there, 0 … 1'),
});
export type KernelTask = z.infer<typeof kernelTask>;

const kernelRegion = z.object({
  start: z.int(),
  length: z.int(),
  type: z.string().describe('bootmem, kmem, initrd, init_task, umem'),
  owner: z.string().nullable().describe('a task, or kitten; null: free'),
});
const kernelAspace = z.object({
  id: z.int(),
  name: z.string(),
  regions: z.array(
    z.object({
      name: z.string(),
      start: z.int(),
      length: z.int(),
      pageSize: z.int(),
      physical: z.int().nullable().describe('where its memory begins; null: nothing is mapped at its start'),
    }),
  ),
  smartmapped: z.array(z.int()).describe('ranks that are seen here, rank r from (r + 1) · 2^39 on'),
});

export const kernelTasks = z.object({
  host: resourceName,
  schedHz: z.int().describe('how often a second the tasks of a shared core take turns'),
  overcommit: z.int().describe('guests that a core takes'),
  contextSwitches: z.int(),
  tasks: z.array(kernelTask),
});
export type KernelTasks = z.infer<typeof kernelTasks>;

export const kernelMemory = z.object({
  host: resourceName,
  bytes: z.int().describe('all there is; the regions add up to it'),
  regions: z.array(kernelRegion),
  aspaces: z.array(kernelAspace),
});
export type KernelMemory = z.infer<typeof kernelMemory>;

/** How a task is to be scheduled from now on; a VM is round robin again after its next start. */
export const scheduleRequest = z.strictObject({
  task: z.string().min(1).describe('a VM of the host, or a task by its name'),
  policy: taskPolicy,
});
export type ScheduleRequest = z.infer<typeof scheduleRequest>;

const vmName = resourceName.nullable().describe('whose it is; null: no VM’s');
/** What clients see: VMs by their names. */
export const hostTask = kernelTask.extend({ vm: vmName });
export const hostTasks = kernelTasks.extend({ tasks: z.array(hostTask) });
export type HostTasks = z.infer<typeof hostTasks>;
export type HostTask = z.infer<typeof hostTask>;
export const hostMemory = kernelMemory.extend({
  regions: z.array(kernelRegion.extend({ vm: vmName })),
  aspaces: z.array(kernelAspace.extend({ vm: vmName })),
});
export type HostMemory = z.infer<typeof hostMemory>;
