/** Saved states' part of the REST table. */
import { z } from 'zod';
import { list, snapshot } from './resources';
import { endpoint, nothing, page, repeatable } from './rest-endpoint';
import { snapshotCollection, snapshotDetail, snapshotImport, snapshotVerification } from './snapshots';

export const snapshotEndpoints = {
  listSnapshots: endpoint({
    method: 'GET',
    path: '/snapshots',
    summary: 'List snapshots',
    tag: 'snapshots',
    access: ['viewer', 'snapshot'],
    query: page.extend({ vm: z.string().optional() }),
    response: list(snapshot),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getSnapshot: endpoint({
    method: 'GET',
    path: '/snapshots/{snapshot}',
    summary: 'Show a snapshot, and what it takes on disk',
    tag: 'snapshots',
    access: ['viewer', 'snapshot'],
    response: snapshotDetail,
    status: 200,
    errors: ['SNAPSHOT_NOT_FOUND'],
  }),
  deleteSnapshot: endpoint({
    method: 'DELETE',
    path: '/snapshots/{snapshot}',
    summary: 'Delete a snapshot',
    tag: 'snapshots',
    access: ['operator', 'snapshot'],
    query: repeatable,
    response: nothing,
    status: 200,
    errors: ['SNAPSHOT_NOT_FOUND'],
  }),
  verifySnapshot: endpoint({
    method: 'POST',
    path: '/snapshots/{snapshot}:verify',
    summary: 'Read all of it again, and name what is damaged',
    tag: 'snapshots',
    access: ['operator', 'snapshot'],
    body: z.strictObject({}).optional(),
    response: snapshotVerification,
    status: 200,
    errors: ['SNAPSHOT_NOT_FOUND', 'HOST_NOT_READY'],
  }),
  importSnapshot: endpoint({
    method: 'POST',
    path: '/snapshots:import',
    summary: 'Make a snapshot of an uploaded blob that an export gave',
    tag: 'snapshots',
    access: ['operator', 'snapshot'],
    query: repeatable,
    body: snapshotImport,
    response: snapshot,
    status: 201,
    errors: [
      'STATE_INVALID',
      'STATE_INCOMPATIBLE',
      'BLOB_NOT_FOUND',
      'VM_NOT_FOUND',
      'SNAPSHOT_EXISTS',
      'STORAGE_FULL',
      'HOST_NOT_READY',
      'REQUEST_ID_REUSED',
    ],
  }),
  collectSnapshots: endpoint({
    method: 'POST',
    path: '/snapshots:gc',
    summary: 'Free what no saved state needs any more, now',
    tag: 'snapshots',
    access: ['admin', 'cluster'],
    query: repeatable,
    body: z.strictObject({}).optional(),
    response: snapshotCollection,
    status: 200,
    errors: ['HOST_NOT_READY', 'STATE_CORRUPT', 'REQUEST_ID_REUSED'],
  }),
} as const;

/** `GET` streams a snapshot as one file (application/octet-stream), which `importSnapshot` takes; it is whole if it ends well. */
export const SNAPSHOT_EXPORT_PATH = '/v1/snapshots/{snapshot}:export';
export const snapshotExportPath = (snapshot: string): string =>
  SNAPSHOT_EXPORT_PATH.replace('{snapshot}', encodeURIComponent(snapshot));
