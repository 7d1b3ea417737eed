import {
  CAPTURE_PATH,
  captureQuery,
  DISK_EXPORT_PATH,
  exampleOf,
  MAX_BLOB_BYTES,
  MIGRATION_WATCH_PATH,
  restStreams,
  SNAPSHOT_EXPORT_PATH,
  TRACE_PATH,
  traceQuery,
  VNET_CONTROL_PATH,
  watchQuery,
} from '@v3vee/contracts';
import { z } from 'zod';
import { common, json, problemResponses, queryParameters, reference, type Json } from './responses';

/** What takes or answers other than JSON, and so is not in the contract's table. */
export const bytePaths = (): Record<string, Json> => ({
  '/v1/blobs/{sha256}': { put: blobUpload() },
  [VNET_CONTROL_PATH]: { get: controlListing(), post: controlRun() },
  [CAPTURE_PATH]: { get: capture() },
  [TRACE_PATH]: { get: trace() },
  [MIGRATION_WATCH_PATH]: { get: migrationWatch() },
  ...Object.fromEntries(
    Object.entries(watched).map(([name, item]) => watch(name as keyof typeof watched, item)),
  ),
  [SNAPSHOT_EXPORT_PATH]: { get: snapshotExport() },
  [DISK_EXPORT_PATH]: { get: diskExport() },
});

function blobUpload(): Json {
  const digest = { type: 'string', pattern: '^[0-9a-f]{64}$' };
  return {
    operationId: 'putBlob',
    summary: `Upload a file of at most ${MAX_BLOB_BYTES} bytes under its sha256, for images:import, snapshots:import and disks`,
    tags: ['images'],
    parameters: [{ name: 'sha256', in: 'path', required: true, schema: digest }],
    requestBody: { required: true, content: { 'application/octet-stream': {} } },
    responses: {
      201: {
        description: 'OK',
        content: json(
          {
            type: 'object',
            properties: { sha256: digest, bytes: { type: 'integer' } },
            required: ['sha256', 'bytes'],
          },
          exampleOf(restStreams.putBlob.answers.json),
        ),
      },
      ...problemResponses(['BODY_TOO_LARGE', 'BLOB_CORRUPT', ...common]),
    },
  };
}

const ROUTE = 'any 02:00:00:00:00:01 interface 02:00:00:00:00:01 any';
const text = (example: string): Json => ({ 'text/plain': { schema: { type: 'string' }, example } });
/** Of lines that are documents; the example is one of them. */
const lines = (name: 'traceDevice' | 'watchMigration' | keyof typeof watched, schema?: Json): Json => ({
  'application/x-ndjson': {
    ...(schema && { schema }),
    example: exampleOf(restStreams[name].answers.lines),
  },
});

function controlListing(): Json {
  return {
    operationId: 'listVnetControl',
    summary: 'Routes and links in the original VNET language, each under its index',
    tags: ['vnet'],
    responses: {
      200: {
        description: 'Lines, each with its index',
        content: text(`# routes\n3: ${ROUTE}\n`),
      },
      ...problemResponses(common),
    },
  };
}

function controlRun(): Json {
  const parameters = z.strictObject({
    network: z.string().optional().describe('what new links join, and new routes must belong to'),
    requestId: z.uuid().optional().describe('the same id and request again returns the first result'),
  });
  return {
    operationId: 'runVnetControl',
    summary: 'Run lines of the original VNET language, all or none',
    description:
      '`ADD src-MAC dst-MAC dst-TYPE dst-ID src-TYPE [src-ID]` adds a route, `DEL index` deletes it; ' +
      '`ADD dst-ip port [udp|tcp|vxlan]` adds a link, `DEL LINK index` deletes it. MAC is `any`, `none`, an address, ' +
      'or `not-` and an address; TYPE is `interface` (ID: a MAC), `edge` (ID: an IP, or the name or index of a link), ' +
      'for the source also `any`. In any case; `#` begins a comment. Errors have line and column.',
    tags: ['vnet'],
    parameters: queryParameters(z.toJSONSchema(parameters) as Json),
    requestBody: {
      required: true,
      content: text(`ADD ${ROUTE}\n`),
    },
    responses: {
      200: {
        description: 'A line for each statement: what it did, with the index',
        content: text(`added route 3: ${ROUTE}\n`),
      },
      ...problemResponses([
        'VNET_CONTROL_INVALID',
        'VNET_ROUTE_EXISTS',
        'VNET_ROUTE_NOT_FOUND',
        'VNET_LINK_EXISTS',
        'VNET_LINK_NOT_FOUND',
        'VNET_LINK_IN_USE',
        'NIC_NOT_FOUND',
        'NETWORK_NOT_FOUND',
        'BODY_TOO_LARGE',
        'REQUEST_ID_REUSED',
        ...common,
      ]),
    },
  };
}

function capture(): Json {
  return {
    operationId: 'capture',
    summary:
      'Frames that pass a NIC, a link, a host or the air, as pcapng, for as long as the connection lasts',
    tags: ['vnet'],
    parameters: queryParameters(
      z.toJSONSchema(captureQuery, { io: 'input', unrepresentable: 'any' }) as Json,
    ),
    responses: {
      200: { description: 'A stream that begins at once', content: { 'application/x-pcapng': {} } },
      ...problemResponses([
        'CAPTURE_FILTER_INVALID',
        'CAPTURE_POINT_NOT_FOUND',
        'VM_NOT_FOUND',
        'NIC_NOT_FOUND',
        'VNET_LINK_NOT_FOUND',
        'HOST_NOT_FOUND',
        'HOST_NOT_READY',
        ...common,
      ]),
    },
  };
}

function trace(): Json {
  return {
    operationId: 'traceDevice',
    summary: 'I/O events of a physical device as JSON lines, for as long as the connection lasts',
    description:
      'Each line is an event, or, whenever events were lost and at the end, `{delivered, dropped, ended}`; `ended` says ' +
      'why the gateway ended it.',
    tags: ['dmm'],
    parameters: queryParameters(z.toJSONSchema(traceQuery) as Json),
    responses: {
      200: { description: 'A stream that begins at once', content: lines('traceDevice') },
      ...problemResponses(['DEVICE_NOT_FOUND', 'HOST_NOT_READY', ...common]),
    },
  };
}

function migrationWatch(): Json {
  return {
    operationId: 'watchMigration',
    summary: 'A migration at each change, as JSON lines, first as it is now, until it has ended',
    description:
      'Each line is a whole migration; the last one has `endedAt`, unless the gateway stops before.',
    tags: ['migrations'],
    parameters: [{ name: 'migration', in: 'path', required: true, schema: { type: 'string' } }],
    responses: {
      200: {
        description: 'A stream that begins at once',
        content: lines('watchMigration', { $ref: reference('Migration') }),
      },
      ...problemResponses(['MIGRATION_NOT_FOUND', ...common]),
    },
  };
}

/** What can be watched, with the schema of what it is a list of. */
const watched = {
  watchVms: 'Vm',
  watchHosts: 'Host',
  watchMigrations: 'Migration',
  watchOperations: 'Operation',
  watchEvents: 'Event',
} as const;

function watch(name: keyof typeof watched, item: string): [string, Json] {
  const { path, summary, tag } = restStreams[name];
  const line = {
    type: 'object',
    properties: {
      type: { enum: ['PRESENT', 'CHANGED', 'DELETED', 'BOOKMARK'] },
      resourceVersion: { type: 'string' },
      name: { type: 'string' },
      object: { anyOf: [{ $ref: reference(item) }, { type: 'null' }] },
    },
    required: ['type', 'resourceVersion', 'name', 'object'],
  };
  const schema = item === 'Event' ? { $ref: reference(item) } : line;
  const get: Json = {
    operationId: name,
    summary,
    description:
      'JSON lines. The list with `?watch=true` is the same. Where it broke off, the last `resourceVersion` goes on.',
    tags: [tag],
    parameters: queryParameters(z.toJSONSchema(watchQuery) as Json),
    responses: {
      200: { description: 'A stream that begins at once', content: lines(name, schema) },
      ...problemResponses(['RESOURCE_VERSION_TOO_OLD', ...common]),
    },
  };
  return [path, { get }];
}

function snapshotExport(): Json {
  return {
    operationId: 'exportSnapshot',
    summary: 'A snapshot as one file, for snapshots:import; it is whole if the answer ends well',
    tags: ['snapshots'],
    parameters: [{ name: 'snapshot', in: 'path', required: true, schema: { type: 'string' } }],
    responses: {
      200: { description: 'The file', content: { 'application/octet-stream': {} } },
      ...problemResponses(['SNAPSHOT_NOT_FOUND', 'STATE_CORRUPT', 'SERVICE_UNAVAILABLE', ...common]),
    },
  };
}

function diskExport(): Json {
  return {
    operationId: 'exportDisk',
    summary: 'A disk as a raw image; it is whole if the answer ends well',
    tags: ['disks'],
    parameters: [{ name: 'disk', in: 'path', required: true, schema: { type: 'string' } }],
    responses: {
      200: { description: 'The image', content: { 'application/octet-stream': {} } },
      ...problemResponses(['DISK_NOT_FOUND', 'DISK_IN_USE', 'STATE_CORRUPT', ...common]),
    },
  };
}
