/** Disks' part of the REST table. */
import { disk, diskCreation } from './disks';
import { list } from './resources';
import { endpoint, nothing, page, repeatable } from './rest-endpoint';

export const diskEndpoints = {
  listDisks: endpoint({
    method: 'GET',
    path: '/disks',
    summary: 'List disk images, and the disks of virtual machines',
    tag: 'disks',
    access: ['viewer', 'disk'],
    query: page,
    response: list(disk),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getDisk: endpoint({
    method: 'GET',
    path: '/disks/{disk}',
    summary: 'Show a disk image, or a VM’s disk (VM/NAME, with its slash as %2F)',
    tag: 'disks',
    access: ['viewer', 'disk'],
    response: disk,
    status: 200,
    errors: ['DISK_NOT_FOUND'],
  }),
  createDisk: endpoint({
    method: 'POST',
    path: '/disks',
    summary: 'Make a disk image: blank, or of an uploaded blob',
    tag: 'disks',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: diskCreation,
    response: disk,
    status: 201,
    errors: ['DISK_EXISTS', 'BLOB_NOT_FOUND', 'STORAGE_FULL', 'REQUEST_ID_REUSED'],
  }),
  deleteDisk: endpoint({
    method: 'DELETE',
    path: '/disks/{disk}',
    summary: 'Delete a disk image; disks that are copies of it stay',
    tag: 'disks',
    access: ['operator', 'cluster'],
    query: repeatable,
    response: nothing,
    status: 200,
    errors: ['DISK_NOT_FOUND', 'DISK_IN_USE'],
  }),
} as const;

/** `GET` streams a disk as a raw image (application/octet-stream); it is whole if it has as many bytes as its header says. */
export const DISK_EXPORT_PATH = '/v1/disks/{disk}:export';
export const diskExportPath = (name: string): string =>
  DISK_EXPORT_PATH.replace('{disk}', encodeURIComponent(name));
