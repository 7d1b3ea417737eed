/**
 * The REST interface, written once: from this table come the gateway's validation, the OpenAPI document and
 * the typed client. Lists are `{items, nextPageToken}` (AIP-158), custom verbs `POST …/{id}:verb` (AIP-136),
 * what takes long answers 202 with an operation (AIP-151), `requestId` makes a repeat safe (AIP-155).
 * `{vm}` takes an id or a name.
 */
import { z } from 'zod';
import { resourceName } from './quantities';
import * as r from './resources';
import { endpoint, nothing, page, repeatable } from './rest-endpoint';
import { accessEndpoints } from './rest-access';
import { diskEndpoints } from './rest-disks';
import { dmmEndpoints } from './rest-dmm';
import { eventEndpoints } from './rest-events';
import { hostEndpoints } from './rest-hosts';
import { jobEndpoints } from './rest-jobs';
import { labEndpoints } from './rest-labs';
import { machineEndpoints } from './rest-machine';
import { migrationEndpoints } from './rest-migration';
import { screenEndpoints } from './rest-screen';
import { overviewEndpoints } from './rest-overview';
import { sessionEndpoints } from './rest-sessions';
import { snapshotEndpoints } from './rest-snapshots';
import { vnetEndpoints } from './rest-vnet';
import { wifiEndpoints } from './rest-wifi';
import { topology } from './topology';

export type { Endpoint } from './rest-endpoint';

const vmVerbErrors = [
  'VM_NOT_FOUND',
  'VM_WRONG_STATE',
  'VM_BUSY',
  'HOST_NOT_READY',
  'REQUEST_ID_REUSED',
] as const;
const vmVerb = <const V extends string, const B extends z.ZodType>(verb: V, summary: string, body: B) =>
  endpoint({
    method: 'POST',
    path: `/vms/{vm}:${verb}`,
    summary,
    tag: 'vms',
    access: ['operator', 'vm'],
    query: repeatable,
    body,
    response: r.operation,
    status: 202,
    errors: vmVerbErrors,
  });
const noBody = z.strictObject({}).optional();

export const rest = {
  listHosts: endpoint({
    method: 'GET',
    path: '/hosts',
    summary: 'List hosts',
    tag: 'hosts',
    access: ['viewer', 'shared'],
    query: page,
    response: r.list(r.host),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getHost: endpoint({
    method: 'GET',
    path: '/hosts/{host}',
    summary: 'Show a host',
    tag: 'hosts',
    access: ['viewer', 'shared'],
    response: r.host,
    status: 200,
    errors: ['HOST_NOT_FOUND'],
  }),
  ...hostEndpoints,
  ...jobEndpoints,
  ...labEndpoints,

  listNetworks: endpoint({
    method: 'GET',
    path: '/networks',
    summary: 'List overlay networks',
    tag: 'networks',
    access: ['viewer', 'network'],
    query: page,
    response: r.list(r.network),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getNetwork: endpoint({
    method: 'GET',
    path: '/networks/{network}',
    summary: 'Show a network',
    tag: 'networks',
    access: ['viewer', 'network'],
    response: r.network,
    status: 200,
    errors: ['NETWORK_NOT_FOUND'],
  }),
  createNetwork: endpoint({
    method: 'POST',
    path: '/networks',
    summary: 'Create a network',
    tag: 'networks',
    access: ['operator', 'network'],
    query: repeatable,
    body: r.networkSpec,
    response: r.network,
    status: 201,
    errors: ['NETWORK_EXISTS'],
  }),
  deleteNetwork: endpoint({
    method: 'DELETE',
    path: '/networks/{network}',
    summary: 'Delete a network',
    tag: 'networks',
    access: ['operator', 'network'],
    query: repeatable,
    response: nothing,
    status: 200,
    errors: ['NETWORK_NOT_FOUND', 'NETWORK_IN_USE'],
  }),

  ...vnetEndpoints,
  ...dmmEndpoints,
  ...wifiEndpoints,

  listVms: endpoint({
    method: 'GET',
    path: '/vms',
    summary: 'List virtual machines',
    tag: 'vms',
    access: ['viewer', 'vm'],
    query: page.extend({ host: resourceName.optional() }),
    response: r.list(r.vm),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getVm: endpoint({
    method: 'GET',
    path: '/vms/{vm}',
    summary: 'Show a virtual machine',
    tag: 'vms',
    access: ['viewer', 'vm'],
    response: r.vm,
    status: 200,
    errors: ['VM_NOT_FOUND'],
  }),
  createVm: endpoint({
    method: 'POST',
    path: '/vms',
    summary: 'Define a virtual machine',
    tag: 'vms',
    access: ['operator', 'vm'],
    query: repeatable,
    body: r.vmSpec,
    response: r.vm,
    status: 201,
    errors: [
      'VM_EXISTS',
      'HOST_NOT_FOUND',
      'NETWORK_NOT_FOUND',
      'IMAGE_NOT_FOUND',
      'MAC_IN_USE',
      'IP_IN_USE',
      'DEVICE_MISMATCH',
      'DEVICE_IN_USE',
    ],
  }),
  updateVm: endpoint({
    method: 'PATCH',
    path: '/vms/{vm}',
    summary: 'Change a definition',
    tag: 'vms',
    access: ['operator', 'vm'],
    query: repeatable,
    body: r.vmPatch,
    response: r.vm,
    status: 200,
    errors: [
      'VM_NOT_FOUND',
      'VM_CHANGE_NEEDS_STOP',
      'MAC_IN_USE',
      'IP_IN_USE',
      'DEVICE_MISMATCH',
      'DEVICE_IN_USE',
    ],
  }),
  deleteVm: endpoint({
    method: 'DELETE',
    path: '/vms/{vm}',
    summary: 'Delete a stopped virtual machine',
    tag: 'vms',
    access: ['operator', 'vm'],
    query: repeatable,
    response: r.operation,
    status: 202,
    errors: ['VM_NOT_FOUND', 'VM_WRONG_STATE', 'VM_BUSY'],
  }),
  startVm: vmVerb('start', 'Start from its template, or cold', noBody),
  stopVm: vmVerb('stop', 'Stop at once, as by pulling the plug', noBody),
  pauseVm: vmVerb('pause', 'Stop its core; memory stays', noBody),
  resumeVm: vmVerb('resume', 'Let a paused VM go on', noBody),
  resetVm: vmVerb('reset', 'Start over, as by the reset button', noBody),
  simulateVm: vmVerb(
    'simulate',
    'Let a paused VM run for some ms of guest time, then pause it again',
    r.simulation,
  ),
  moveVmCore: endpoint({
    ...vmVerb('moveCore', 'Move its virtual core to another core of its host', r.coreMove),
    errors: [...vmVerbErrors, 'HOST_CORE_NOT_FOUND', 'HOST_CORE_IN_USE', 'HOST_CORES_EXHAUSTED'],
  }),
  snapshotVm: vmVerb(
    'snapshot',
    'Save memory and devices under a name',
    z.strictObject({ name: resourceName }),
  ),
  restoreVm: vmVerb(
    'restore',
    'Go back to a saved state',
    z.strictObject({ snapshot: z.string().min(1).describe('id or name') }),
  ),
  cloneVm: vmVerb(
    'clone',
    'A new VM that goes on from this one’s present state or from a snapshot',
    z.strictObject({
      name: resourceName,
      host: resourceName.optional(),
      snapshot: z.string().optional(),
      ips: z
        .array(r.nicSpec.shape.ip)
        .optional()
        .describe('one for each NIC; none: the guest keeps no address'),
    }),
  ),
  ...migrationEndpoints,
  execVm: endpoint({
    method: 'POST',
    path: '/vms/{vm}:exec',
    summary: 'Run a command in the guest through its agent',
    tag: 'vms',
    access: ['operator', 'vm'],
    body: r.execRequest,
    response: r.execResult,
    status: 200,
    errors: ['VM_NOT_FOUND', 'VM_WRONG_STATE', 'VM_NO_AGENT', 'EXEC_TIMEOUT', 'EXEC_FAILED'],
  }),
  refreshVm: endpoint({
    method: 'POST',
    path: '/vms/{vm}:refresh',
    summary: 'Ask the guest agent anew and show the VM',
    tag: 'vms',
    access: ['viewer', 'vm'],
    body: noBody,
    response: r.vm,
    status: 200,
    errors: ['VM_NOT_FOUND'],
  }),
  vmTelemetry: endpoint({
    method: 'GET',
    path: '/vms/{vm}/telemetry',
    summary: 'Exits by kind and port, time, NIC counters',
    tag: 'vms',
    access: ['viewer', 'vm'],
    response: r.telemetry,
    status: 200,
    errors: ['VM_NOT_FOUND', 'VM_WRONG_STATE'],
  }),

  ...machineEndpoints,

  listImages: endpoint({
    method: 'GET',
    path: '/images',
    summary: 'List guest images',
    tag: 'images',
    access: ['viewer', 'shared'],
    query: page,
    response: r.list(r.image),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getImage: endpoint({
    method: 'GET',
    path: '/images/{image}',
    summary: 'Show a guest image',
    tag: 'images',
    access: ['viewer', 'shared'],
    response: r.image,
    status: 200,
    errors: ['IMAGE_NOT_FOUND'],
  }),
  importImage: endpoint({
    method: 'POST',
    path: '/images:import',
    summary: 'Make an image of uploaded blobs',
    tag: 'images',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: r.imageImport,
    response: r.image,
    status: 201,
    errors: ['IMAGE_EXISTS', 'IMAGE_INVALID', 'BLOB_NOT_FOUND'],
  }),
  deleteImage: endpoint({
    method: 'DELETE',
    path: '/images/{image}',
    summary: 'Delete an imported image',
    tag: 'images',
    access: ['operator', 'cluster'],
    query: repeatable,
    response: nothing,
    status: 200,
    errors: ['IMAGE_NOT_FOUND', 'IMAGE_IN_USE'],
  }),

  ...snapshotEndpoints,
  ...diskEndpoints,
  ...screenEndpoints,

  listOperations: endpoint({
    method: 'GET',
    path: '/operations',
    summary: 'List operations, newest first',
    tag: 'operations',
    access: ['viewer', 'operation'],
    query: page,
    response: r.list(r.operation),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getOperation: endpoint({
    method: 'GET',
    path: '/operations/{operation}',
    summary: 'Show an operation',
    tag: 'operations',
    access: ['viewer', 'operation'],
    response: r.operation,
    status: 200,
    errors: ['OPERATION_NOT_FOUND'],
  }),
  waitOperation: endpoint({
    method: 'GET',
    path: '/operations/{operation}:wait',
    summary: 'Answer when it is done or the time is over',
    tag: 'operations',
    access: ['viewer', 'operation'],
    query: z.strictObject({ timeoutSeconds: z.coerce.number().min(0).max(60).default(10) }),
    response: r.operation,
    status: 200,
    errors: ['OPERATION_NOT_FOUND'],
  }),

  ...eventEndpoints,
  ...overviewEndpoints,
  ...sessionEndpoints,
  ...accessEndpoints,

  applyCluster: endpoint({
    method: 'POST',
    path: '/cluster:apply',
    summary: 'Converge to a declared topology',
    tag: 'cluster',
    access: ['admin', 'cluster'],
    query: repeatable,
    body: topology,
    response: r.operation,
    status: 202,
    errors: ['CLUSTER_FILE_INVALID', 'DEVICE_IN_USE'],
  }),
} as const;

export type EndpointName = keyof typeof rest;
/** Response of an endpoint. */
export type ResponseOf<N extends EndpointName> = z.output<(typeof rest)[N]['response']>;
type BodySchema<E> = E extends { body: infer B extends z.ZodType } ? B : never;
/** What a client may send as body (before defaults). */
export type BodyOf<N extends EndpointName> = z.input<BodySchema<(typeof rest)[N]>>;
/** The body after validation. */
export type ParsedBodyOf<N extends EndpointName> = z.output<BodySchema<(typeof rest)[N]>>;

/** What `cluster:apply` did, in the operation's response. */
export const applyResult = z.object({
  changes: z.array(
    z.object({
      action: z.enum(['create', 'update', 'delete', 'start', 'stop', 'move']),
      resource: z.string(),
      detail: z.string(),
    }),
  ),
});
export type ApplyResult = z.infer<typeof applyResult>;

/** Of one uploaded file. */
export const MAX_BLOB_BYTES = 2 * 1024 * 1024 * 1024;
/** Of a blob that is to be a part of an image; a snapshot's may be as large as a blob. */
export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;
export const MAX_BODY_BYTES = 1024 * 1024;
/**
 * What a browser offers as WebSocket subprotocols (RFC 6455 section 1.9), since it can set no header: this, which the
 * gateway selects, and its token behind the prefix.
 */
export const CONSOLE_PROTOCOL = 'v3.console';
export const TOKEN_PROTOCOL_PREFIX = 'v3.token.';
