/** Maintenance of hosts in the REST table. */
import { z } from 'zod';
import { hostMemory, hostTask, hostTasks, scheduleRequest } from './host-kernel';
import { resourceName } from './quantities';
import { host, operation } from './resources';
import { endpoint, repeatable } from './rest-endpoint';

const noBody = z.strictObject({}).optional();

/** What `drain` did, in the operation's response. */
export const drainResult = z.object({
  host: resourceName,
  moved: z.array(z.object({ vm: resourceName, host: resourceName, reason: z.string() })),
  left: z.array(z.object({ vm: resourceName, code: z.string(), reason: z.string() })),
});
export type DrainResult = z.infer<typeof drainResult>;

export const drainStates = ['WAITING', 'MOVING', 'MOVED', 'LEFT'] as const;
export type DrainState = (typeof drainStates)[number];
/** How far `drain` is, in the operation's metadata. */
export const drainProgress = z.object({
  host: resourceName,
  counts: z.record(z.enum(drainStates), z.int()).describe('of its VMs, by state'),
  vms: z.array(
    z.object({
      vm: resourceName,
      state: z.enum(drainStates),
      host: resourceName.nullable().describe('where it goes, once that is decided'),
      reason: z.string().describe('why there, or why it stays'),
    }),
  ),
});
export type DrainProgress = z.infer<typeof drainProgress>;

export const hostEndpoints = {
  hostMemory: endpoint({
    method: 'GET',
    path: '/hosts/{host}/memory',
    summary: 'Its physical memory by region, and its address spaces',
    tag: 'hosts',
    access: ['viewer', 'cluster'],
    response: hostMemory,
    status: 200,
    errors: ['HOST_NOT_FOUND', 'HOST_NOT_READY'],
  }),
  hostTasks: endpoint({
    method: 'GET',
    path: '/hosts/{host}/tasks',
    summary: 'Its tasks, who has which core, and for how long each had one',
    tag: 'hosts',
    access: ['viewer', 'cluster'],
    response: hostTasks,
    status: 200,
    errors: ['HOST_NOT_FOUND', 'HOST_NOT_READY'],
  }),
  scheduleTask: endpoint({
    method: 'POST',
    path: '/hosts/{host}:schedule',
    summary: 'Schedule a task round robin, or reserve a slice of each period for it',
    tag: 'hosts',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: scheduleRequest,
    response: hostTask,
    status: 200,
    errors: ['HOST_NOT_FOUND', 'HOST_NOT_READY', 'TASK_NOT_FOUND', 'HOST_CORES_EXHAUSTED'],
  }),
  cordonHost: endpoint({
    method: 'POST',
    path: '/hosts/{host}:cordon',
    summary: 'Let it get no further VMs; those that it has run on',
    tag: 'hosts',
    access: ['admin', 'cluster'],
    query: repeatable,
    body: noBody,
    response: host,
    status: 200,
    errors: ['HOST_NOT_FOUND', 'REQUEST_ID_REUSED'],
  }),
  uncordonHost: endpoint({
    method: 'POST',
    path: '/hosts/{host}:uncordon',
    summary: 'Let it get VMs again',
    tag: 'hosts',
    access: ['admin', 'cluster'],
    query: repeatable,
    body: noBody,
    response: host,
    status: 200,
    errors: ['HOST_NOT_FOUND', 'REQUEST_ID_REUSED'],
  }),
  drainHost: endpoint({
    method: 'POST',
    path: '/hosts/{host}:drain',
    summary:
      'Cordon it and move its running and paused VMs elsewhere; the response says which stayed, and why',
    tag: 'hosts',
    access: ['admin', 'cluster'],
    query: repeatable,
    body: noBody,
    response: operation,
    status: 202,
    errors: ['HOST_NOT_FOUND', 'HOST_NOT_READY', 'VM_BUSY', 'REQUEST_ID_REUSED'],
  }),
} as const;
