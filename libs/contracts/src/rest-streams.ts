/**
 * What of the REST interface takes or answers other than one JSON document, beside the table of `rest.ts`: streams of
 * bytes, lines of text, JSON lines. gRPC has each as an RPC of the same name. A VM's console, a WebSocket, is in neither.
 */
import { z } from 'zod';
import { event, watchedHost, watchedMigration, watchedOperation, watchedVm, watchQuery } from './events';
import { migration } from './migration';
import { sha256 } from './resources';
import { CAPTURE_PATH, TRACE_PATH, VNET_CONTROL_PATH } from './rest';
import { watchPath, type WatchedList } from './rest-events';
import { DISK_EXPORT_PATH } from './rest-disks';
import { MIGRATION_WATCH_PATH } from './rest-migration';
import { SNAPSHOT_EXPORT_PATH } from './rest-snapshots';
import { captureQuery } from './vnet';
import { traceLine, traceQuery } from './vpio';

export interface StreamEndpoint {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With `/v1`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly query?: z.ZodObject;
  /** The request's body: none, a text, or bytes as they come. */
  readonly takes?: 'text' | 'bytes';
  /** The answer: bytes or JSON lines as they come, a text, or one JSON document. */
  readonly answers:
    | { readonly bytes: true }
    | { readonly text: true }
    | { readonly lines: z.ZodType }
    | { readonly json: z.ZodType };
}

const stream = <const S extends StreamEndpoint>(s: S): S => s;
const watch = <const T extends WatchedList, L extends z.ZodType>(name: T, line: L) =>
  stream({
    method: 'GET',
    path: watchPath(name),
    summary: `The ${name} that there are, then each change of state of one; with a resourceVersion the changes after it`,
    tag: name,
    query: watchQuery,
    answers: { lines: line },
  });

export const restStreams = {
  putBlob: stream({
    method: 'PUT',
    path: '/v1/blobs/{sha256}',
    summary: 'Upload a file under its sha256',
    tag: 'images',
    takes: 'bytes',
    answers: { json: z.object({ sha256, bytes: z.int() }) },
  }),
  capture: stream({
    method: 'GET',
    path: CAPTURE_PATH,
    summary: 'Frames that pass a NIC, a link, a host or the air, as pcapng, for as long as the call lasts',
    tag: 'vnet',
    query: captureQuery,
    answers: { bytes: true },
  }),
  traceDevice: stream({
    method: 'GET',
    path: TRACE_PATH,
    summary: 'I/O events of a physical device, for as long as the call lasts',
    tag: 'dmm',
    query: traceQuery,
    answers: { lines: traceLine },
  }),
  watchMigration: stream({
    method: 'GET',
    path: MIGRATION_WATCH_PATH,
    summary: 'A migration as it is now, then at each change, until it has ended',
    tag: 'migrations',
    answers: { lines: migration },
  }),
  watchVms: watch('vms', watchedVm),
  watchHosts: watch('hosts', watchedHost),
  watchMigrations: watch('migrations', watchedMigration),
  watchOperations: watch('operations', watchedOperation),
  watchEvents: stream({
    method: 'GET',
    path: watchPath('events'),
    summary: 'Each event from now on; with a resourceVersion those after it',
    tag: 'events',
    query: watchQuery,
    answers: { lines: event },
  }),
  exportSnapshot: stream({
    method: 'GET',
    path: SNAPSHOT_EXPORT_PATH,
    summary: 'A snapshot as one file, for importSnapshot; it is whole if the call ends well',
    tag: 'snapshots',
    answers: { bytes: true },
  }),
  exportDisk: stream({
    method: 'GET',
    path: DISK_EXPORT_PATH,
    summary: 'A disk as a raw image; it is whole if the call ends well',
    tag: 'disks',
    answers: { bytes: true },
  }),
  listVnetControl: stream({
    method: 'GET',
    path: VNET_CONTROL_PATH,
    summary: 'Routes and links in the original VNET language, each under its index',
    tag: 'vnet',
    answers: { text: true },
  }),
  runVnetControl: stream({
    method: 'POST',
    path: VNET_CONTROL_PATH,
    summary: 'Run lines of the original VNET language, all or none',
    tag: 'vnet',
    query: z.strictObject({ network: z.string().optional(), requestId: z.uuid().optional() }),
    takes: 'text',
    answers: { text: true },
  }),
} as const;
export type StreamName = keyof typeof restStreams;
