/** Addresses that take or answer other than JSON, with who may use them: beside the REST table, and as complete. */
import type { Access } from './access';
import { DISK_EXPORT_PATH } from './rest-disks';
import { MIGRATION_WATCH_PATH } from './rest-migration';
import { SNAPSHOT_EXPORT_PATH } from './rest-snapshots';

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
  readonly path: string;
  readonly access: Access;
  /** What is at its beginning is written to the audit log, whatever the method. */
  readonly audited: boolean;
}

export const streams = {
  putBlob: { method: 'PUT', path: BLOB_PATH, access: ['operator', 'shared'], audited: true },
  listVnetControl: { method: 'GET', path: VNET_CONTROL_PATH, access: ['viewer', 'cluster'], audited: false },
  runVnetControl: { method: 'POST', path: VNET_CONTROL_PATH, access: ['operator', 'cluster'], audited: true },
  capture: { method: 'GET', path: CAPTURE_PATH, access: ['operator', 'point'], audited: true },
  traceDevice: { method: 'GET', path: TRACE_PATH, access: ['operator', 'cluster'], audited: true },
  watchMigration: {
    method: 'GET',
    path: MIGRATION_WATCH_PATH,
    access: ['viewer', 'migration'],
    audited: false,
  },
  exportSnapshot: {
    method: 'GET',
    path: SNAPSHOT_EXPORT_PATH,
    access: ['operator', 'snapshot'],
    audited: true,
  },
  exportDisk: { method: 'GET', path: DISK_EXPORT_PATH, access: ['operator', 'disk'], audited: true },
  console: { method: 'GET', path: CONSOLE_PATH, access: ['operator', 'vm'], audited: true },
} as const satisfies Record<string, StreamEndpoint>;
export type StreamName = keyof typeof streams;
