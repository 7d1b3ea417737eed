/**
 * What services ask of each other over core NATS: subject, request and response of every call and every
 * announcement. `{host}` in a subject is the host that serves or sends it. The bus validates both directions.
 */
import { z } from 'zod';
import { macAddress, resourceName } from './quantities';
import { execRequest, execResult, physicalNic, radio, snapshot, telemetry, vmState } from './resources';

export interface Call<Q extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  readonly subject: string;
  readonly request: Q;
  readonly response: R;
  /** How long the caller waits, ms. */
  readonly timeoutMs: number;
}
export interface Announcement<M extends z.ZodType = z.ZodType> {
  readonly subject: string;
  readonly message: M;
}

const call = <Q extends z.ZodType, R extends z.ZodType>(
  subject: string,
  request: Q,
  response: R,
  timeoutMs = 5_000,
): Call<Q, R> => ({ subject, request, response, timeoutMs });
const announcement = <M extends z.ZodType>(subject: string, message: M): Announcement<M> => ({
  subject,
  message,
});

const empty = z.object({});
/** A new random value at each start of a process: tells a restart from a hiccup. */
const incarnation = z.uuid();

// ---- Kitten: the host kernel ---------------------------------------------------------------------------------

/** What a task (a guest, later a native job) holds. Addresses and lengths in bytes of host-physical memory. */
export const allocation = z.object({
  task: z.string().describe('vm/<id>'),
  base: z.int(),
  length: z.int(),
  core: z.int(),
});
export type Allocation = z.infer<typeof allocation>;

export const inventory = z.object({
  host: resourceName,
  incarnation,
  memoryMiB: z.int(),
  memoryFreeMiB: z.int(),
  memoryLargestHoleMiB: z.int(),
  cores: z.int(),
  coresFree: z.int(),
  nics: z.array(physicalNic),
  radios: z.array(radio),
  allocations: z.array(allocation),
});
export type Inventory = z.infer<typeof inventory>;

export const kittenCalls = {
  /** Contiguous memory and one core, or HOST_MEMORY_EXHAUSTED / HOST_CORES_EXHAUSTED / HOST_NOT_CLAIMED. Asking again for the same task returns what it has if the size is the same. */
  allocate: call(
    'kitten.{host}.allocate',
    z.object({ task: z.string(), memoryMiB: z.int().positive() }),
    allocation,
  ),
  free: call('kitten.{host}.free', z.object({ task: z.string() }), z.object({ freed: z.boolean() })),
  /**
   * Palacios says what its running guests hold: when it starts (nothing), and when Kitten is another
   * incarnation. A Kitten that has not heard it refuses to allocate (HOST_NOT_CLAIMED), since it could give
   * away what a guest has. All or nothing (HOST_CLAIM_CONFLICT); what is not listed stays as it is.
   */
  claim: call('kitten.{host}.claim', z.object({ allocations: z.array(allocation) }), empty),
  inventory: call('kitten.{host}.inventory', empty, inventory),
};
export const kittenHeartbeat = announcement('heartbeat.kitten.{host}', inventory);

// ---- Palacios: the VMM of one host -----------------------------------------------------------------------------

export const vmStatus = z.object({
  vmId: z.uuid(),
  epoch: z.int(),
  state: vmState,
  reason: z.string(),
  agent: z.boolean(),
  ips: z.array(z.array(z.string())).describe('per NIC, as the guest reports them'),
  startedAt: z.iso.datetime().nullable(),
});
export type VmStatus = z.infer<typeof vmStatus>;

const ofVm = z.object({ vmId: z.uuid() });
const LONG = 180_000;

/** Palacios reads a VM's definition from the store by its id; the answer is the state it is in afterwards. */
export const palaciosCalls = {
  start: call('palacios.{host}.vm.start', ofVm, vmStatus, LONG),
  stop: call('palacios.{host}.vm.stop', ofVm, vmStatus, 30_000),
  pause: call('palacios.{host}.vm.pause', ofVm, vmStatus, 30_000),
  resume: call('palacios.{host}.vm.resume', ofVm, vmStatus, 30_000),
  reset: call('palacios.{host}.vm.reset', ofVm, vmStatus, LONG),
  snapshot: call('palacios.{host}.vm.snapshot', ofVm.extend({ name: resourceName }), snapshot, LONG),
  /** `identity`: the state is another VM's (a clone): give the guest its own name, MAC, address and entropy. */
  restore: call(
    'palacios.{host}.vm.restore',
    ofVm.extend({ snapshotId: z.uuid(), identity: z.boolean() }),
    vmStatus,
    LONG,
  ),
  /** Forget a stopped VM: its status and the state saved at shut-down. Its named snapshots stay. */
  forget: call('palacios.{host}.vm.forget', ofVm, empty, 30_000),
  deleteSnapshot: call('palacios.{host}.snapshot.delete', z.object({ snapshotId: z.uuid() }), empty, 30_000),
  exec: call('palacios.{host}.vm.exec', ofVm.extend(execRequest.shape), execResult, 3_660_000),
  telemetry: call('palacios.{host}.vm.telemetry', ofVm, telemetry),
  /** The guest's view of its interfaces, asked now of its agent. */
  refresh: call('palacios.{host}.vm.refresh', ofVm, vmStatus, 15_000),
  /** The console's recent output, base64; from now on output is published on `console.<vmId>.out`. */
  consoleAttach: call('palacios.{host}.vm.console', ofVm, z.object({ scrollback: z.string() })),
};
export type PalaciosVerb = keyof typeof palaciosCalls;

export const palaciosHeartbeat = announcement(
  'heartbeat.palacios.{host}',
  z.object({ host: resourceName, incarnation, vms: z.array(vmStatus) }),
);
/** A VM's state changed. Durable truth is in the store; this wakes up whoever waits. */
export const vmChanged = announcement('event.vm.{host}', vmStatus);

// ---- VNET: the overlay's routing authority ------------------------------------------------------------------

/** One attached NIC. `vni` numbers the network (24 bits, as in VXLAN). */
export const attachment = z.object({
  vni: z.int().min(1).max(0xffffff),
  mac: macAddress,
  vmId: z.uuid(),
  epoch: z.int(),
});
export type Attachment = z.infer<typeof attachment>;

/** Which hosts get frames for (vni, mac); `mac` is the broadcast address for all group frames. */
export const route = z.object({
  vni: attachment.shape.vni,
  mac: macAddress.or(z.literal('ff:ff:ff:ff:ff:ff')),
  hosts: z.array(resourceName),
});
export type Route = z.infer<typeof route>;

const routeKey = route.omit({ hosts: true });
export type RouteKey = z.infer<typeof routeKey>;

export const vnetCalls = {
  /**
   * The full list of a host's attached NICs; sent at each change and when the router is new. Once it is
   * answered, no other host holds a route that this list made wrong.
   */
  attach: call(
    'vnet.attach',
    z.object({ host: resourceName, nics: z.array(attachment) }),
    z.object({ incarnation }),
  ),
  routes: call(
    'vnet.routes',
    empty,
    z.object({ routes: z.array(route), counters: z.record(z.string(), z.int()) }),
  ),
};
/** The router started anew, or was away: every host announces its NICs again and has its cached routes confirmed. */
export const vnetHello = announcement('vnet.hello', z.object({ incarnation }));
/** The router answers a miss or a query: put this into the route cache. No hosts: nobody has this address. */
export const vnetRoute = announcement('vnet.route.{host}', route.extend({ incarnation }));
/** Routes changed: drop these from the route cache. */
export const vnetInvalidate = announcement(
  'vnet.invalidate',
  z.object({ incarnation, routes: z.array(routeKey) }),
);
/** A host asks for these routes without having a frame for them. The answers are `vnetRoute`s, once they are known. */
export const vnetQuery = announcement('vnet.query.{host}', z.object({ routes: z.array(routeKey) }));

/** Subjects of raw bytes, which the bus carries without validation; their codecs check them. */
export const rawSubjects = {
  framesTo: (host: string) => `vnet.frames.host.${host}`,
  /** Frames that `host` has no route for; the router listens to all hosts (`*`) and learns from it who asks. */
  framesToRouter: (host: string) => `vnet.frames.router.${host}`,
  consoleOut: (vmId: string) => `console.${vmId}.out`,
  consoleIn: (vmId: string) => `console.${vmId}.in`,
};

/** `subjectFor(call, 'alpha')` fills in the host. */
export function subjectFor(contract: { subject: string }, host?: string): string {
  return host === undefined ? contract.subject : contract.subject.replace('{host}', host);
}
