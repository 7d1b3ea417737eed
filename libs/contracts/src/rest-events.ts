/** The event log's part of the REST table. */
import { z } from 'zod';
import { event, eventKinds } from './events';
import { list } from './resources';
import { endpoint, page } from './rest-endpoint';

export const eventEndpoints = {
  listEvents: endpoint({
    method: 'GET',
    path: '/events',
    summary: 'List changes of state with their reasons, newest first',
    tag: 'events',
    access: ['viewer', 'vm'],
    query: page.extend({
      kind: z.enum(eventKinds).optional(),
      vm: z.string().optional().describe('name of the VM that they concern'),
    }),
    response: list(event),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
} as const;

/** The lists that can be watched: `GET /v1/vms:watch`, or the list with `?watch=true`. */
export const watchedLists = ['vms', 'hosts', 'migrations', 'operations', 'events'] as const;
export type WatchedList = (typeof watchedLists)[number];
export const watchPath = (name: WatchedList): string => `/v1/${name}:watch`;
