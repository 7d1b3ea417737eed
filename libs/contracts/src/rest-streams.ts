/**
 * What of the REST interface takes or answers other than one JSON document, beside the table of `rest.ts`: streams of
 * bytes, lines of text, JSON lines; with who may use it. gRPC has each as an RPC of the same name.
 */
import { z } from 'zod';
import type { Access } from './access';
import { event, watchedHost, watchedMigration, watchedOperation, watchedVm, watchQuery } from './events';
import { migration } from './migration';
import { sha256 } from './resources';
import { watchPath, type WatchedList } from './rest-events';
import { DISK_EXPORT_PATH } from './rest-disks';
import { MIGRATION_WATCH_PATH } from './rest-migration';
import { SNAPSHOT_EXPORT_PATH } from './rest-snapshots';
import { captureQuery } from './vnet';
import { traceLine, traceQuery } from './vpio';

/**
 * `GET` lists, `POST` runs lines of the original VNET language: text/plain, not in the table.
 * `?network=NAME` says which network a route between links belongs to.
 */
export const VNET_CONTROL_PATH = '/v1/vnet/control';
/** `GET` streams a capture as pcapng (application/x-pcapng); its query is `captureQuery`. */
export const CAPTURE_PATH = '/v1/captures';
/** `GET /v1/dmm/trace?device=HOST/NIC` streams a device's I/O events, a JSON `traceLine` a line (application/x-ndjson). */
export const TRACE_PATH = '/v1/dmm/trace';
/** `PUT` takes application/octet-stream, streamed. */
export const BLOB_PATH = '/v1/blobs/{sha256}';
/** WebSocket: binary messages, raw bytes of the serial console both ways. */
export const CONSOLE_PATH = '/v1/vms/{vm}/console';
export const consolePath = (vm: string): string => CONSOLE_PATH.replace('{vm}', encodeURIComponent(vm));

export interface StreamEndpoint {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With `/v1`. */
  readonly path: string;
  readonly access: Access;
  /** What is at its beginning is written to the audit log, whatever the method. */
  readonly audited: boolean;
}

export interface RestStream extends StreamEndpoint {
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

const stream = <const S extends RestStream>(s: S): S => s;
const watch = <const T extends WatchedList, const A extends Access, L extends z.ZodType>(
  name: T,
  access: A,
  line: L,
) =>
  stream({
    method: 'GET',
    path: watchPath(name),
    summary: `The ${name} that there are, then each change of state of one; with a resourceVersion the changes after it`,
    tag: name,
    access,
    audited: false,
    query: watchQuery,
    answers: { lines: line },
  });

export const restStreams = {
  putBlob: stream({
    method: 'PUT',
    path: BLOB_PATH,
    summary: 'Upload a file under its sha256',
    tag: 'images',
    access: ['operator', 'shared'],
    audited: true,
    takes: 'bytes',
    answers: { json: z.object({ sha256, bytes: z.int() }) },
  }),
  capture: stream({
    method: 'GET',
    path: CAPTURE_PATH,
    summary: 'Frames that pass a NIC, a link, a host or the air, as pcapng, for as long as the call lasts',
    tag: 'vnet',
    access: ['operator', 'point'],
    audited: true,
    query: captureQuery,
    answers: { bytes: true },
  }),
  traceDevice: stream({
    method: 'GET',
    path: TRACE_PATH,
    summary: 'I/O events of a physical device, for as long as the call lasts',
    tag: 'dmm',
    access: ['operator', 'cluster'],
    audited: true,
    query: traceQuery,
    answers: { lines: traceLine },
  }),
  watchMigration: stream({
    method: 'GET',
    path: MIGRATION_WATCH_PATH,
    summary: 'A migration as it is now, then at each change, until it has ended',
    tag: 'migrations',
    access: ['viewer', 'migration'],
    audited: false,
    answers: { lines: migration },
  }),
  watchVms: watch('vms', ['viewer', 'vm'], watchedVm),
  watchHosts: watch('hosts', ['viewer', 'shared'], watchedHost),
  watchMigrations: watch('migrations', ['viewer', 'migration'], watchedMigration),
  watchOperations: watch('operations', ['viewer', 'operation'], watchedOperation),
  watchEvents: stream({
    method: 'GET',
    path: watchPath('events'),
    summary: 'Each event from now on; with a resourceVersion those after it',
    tag: 'events',
    access: ['viewer', 'vm'],
    audited: false,
    query: watchQuery,
    answers: { lines: event },
  }),
  exportSnapshot: stream({
    method: 'GET',
    path: SNAPSHOT_EXPORT_PATH,
    summary: 'A snapshot as one file, for importSnapshot; it is whole if the call ends well',
    tag: 'snapshots',
    access: ['operator', 'snapshot'],
    audited: true,
    answers: { bytes: true },
  }),
  exportDisk: stream({
    method: 'GET',
    path: DISK_EXPORT_PATH,
    summary: 'A disk as a raw image; it is whole if the call ends well',
    tag: 'disks',
    access: ['operator', 'disk'],
    audited: true,
    answers: { bytes: true },
  }),
  listVnetControl: stream({
    method: 'GET',
    path: VNET_CONTROL_PATH,
    summary: 'Routes and links in the original VNET language, each under its index',
    tag: 'vnet',
    access: ['viewer', 'cluster'],
    audited: false,
    answers: { text: true },
  }),
  runVnetControl: stream({
    method: 'POST',
    path: VNET_CONTROL_PATH,
    summary: 'Run lines of the original VNET language, all or none',
    tag: 'vnet',
    access: ['operator', 'cluster'],
    audited: true,
    query: z.strictObject({ network: z.string().optional(), requestId: z.uuid().optional() }),
    takes: 'text',
    answers: { text: true },
  }),
} as const;
export type RestStreamName = keyof typeof restStreams;

/** All of them, with a VM's console, which is a WebSocket. */
export const streams = {
  ...restStreams,
  console: { method: 'GET', path: CONSOLE_PATH, access: ['operator', 'vm'], audited: true },
} as const satisfies Record<string, StreamEndpoint>;
export type StreamName = keyof typeof streams;
