/**
 * What services ask of each other over core NATS: subject, request and response of every call and every
 * announcement. `{host}` in a subject is the host that serves or sends it. The bus validates both directions.
 */
import { z } from 'zod';
import { kernelMemory, kernelTask, kernelTasks, scheduleRequest } from './host-kernel';
import {
  balloon,
  balloonRequest,
  memoryBytes,
  memoryHash,
  memoryMap,
  memoryMatches,
  memoryRange,
  memoryRead,
  memorySearch,
  memoryWrite,
} from './machine';
import { macAddress, resourceName } from './quantities';
import {
  coreMove,
  execRequest,
  execResult,
  MAX_SIMULATION_MS,
  physicalNic,
  simulation,
  snapshot,
  telemetry,
  vmState,
} from './resources';
import { announcement, call, empty, frequent, incarnation } from './rpc-call';
import { vmKeysShape, vmScreen } from './screen';
import { AIR_HOST, coreStats, LINKS_HOST, linkStatus, nicSettings, vnetPlace } from './vnet';
import { airPlace, radio } from './wifi';

// ---- Kitten: the host kernel ---------------------------------------------------------------------------------

/** What a guest holds. Addresses and lengths in bytes of host-physical memory. */
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
  coresFree: z.int().describe('that nobody is on'),
  guestPlacesFree: z
    .int()
    .describe('guests that would still get a core; more than cores where they may share'),
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
  /** Another core for what the task has. HOST_CORE_NOT_FOUND, HOST_CORE_IN_USE, HOST_NOT_CLAIMED, INVALID_REQUEST: it has nothing here. */
  moveCore: call('kitten.{host}.core.move', z.object({ task: z.string(), core: z.int().min(0) }), allocation),
  /**
   * Another amount of contiguous memory for what the task has: its beginning, when it shrinks; in place or elsewhere, when
   * it grows. HOST_MEMORY_EXHAUSTED, HOST_NOT_CLAIMED, INVALID_REQUEST: it has nothing here.
   */
  resize: call(
    'kitten.{host}.resize',
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
  memory: call('kitten.{host}.memory', empty, kernelMemory),
  tasks: call('kitten.{host}.tasks', empty, kernelTasks),
  /** TASK_NOT_FOUND; HOST_CORES_EXHAUSTED: its core has not as much time left as it reserves. */
  schedule: call('kitten.{host}.schedule', scheduleRequest, kernelTask),
};
export const kittenHeartbeat = announcement('heartbeat.kitten.{host}', inventory);

// ---- Palacios: the VMM of one host -----------------------------------------------------------------------------

export const vmStatus = z.object({
  vmId: z.uuid(),
  epoch: z.int(),
  state: vmState,
  reason: z.string(),
  agent: z.boolean(),
  ips: z.array(z.array(z.string())).describe('per NIC, then per Wi-Fi NIC, as the guest reports them'),
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
  /** Answered when the guest stands still again; on the way the reason of its status says how far it is. */
  simulate: call(
    'palacios.{host}.vm.simulate',
    ofVm.extend(simulation.shape),
    vmStatus,
    MAX_SIMULATION_MS + LONG,
  ),
  moveCore: call('palacios.{host}.vm.core', ofVm.extend(coreMove.shape), vmStatus, 30_000),
  snapshot: call('palacios.{host}.vm.snapshot', ofVm.extend({ name: resourceName }), snapshot, LONG),
  /** `identity`: the state is another VM's (a clone): give the guest its own name, MAC, address and entropy. */
  restore: call(
    'palacios.{host}.vm.restore',
    ofVm.extend({ snapshotId: z.uuid(), identity: z.boolean() }),
    vmStatus,
    LONG,
  ),
  /**
   * Starts a VM whose last host was lost, from the first of these snapshots that can be used, else anew; `reason` says so
   * in its status. Does nothing for a VM that this host has seen to in this epoch already.
   */
  recover: call(
    'palacios.{host}.vm.recover',
    ofVm.extend({ epoch: z.int(), snapshotIds: z.array(z.uuid()), paused: z.boolean(), reason: z.string() }),
    vmStatus,
    LONG,
  ),
  /** Forget a stopped VM: its status and the state saved at shut-down. Its named snapshots stay. */
  forget: call('palacios.{host}.vm.forget', ofVm, empty, 30_000),
  deleteSnapshot: call('palacios.{host}.snapshot.delete', z.object({ snapshotId: z.uuid() }), empty, 30_000),
  exec: call('palacios.{host}.vm.exec', ofVm.extend(execRequest.shape), execResult, 3_660_000),
  screen: call('palacios.{host}.vm.screen', ofVm, vmScreen),
  type: call('palacios.{host}.vm.type', ofVm.extend(vmKeysShape), empty, 10_000),
  telemetry: call('palacios.{host}.vm.telemetry', ofVm, telemetry),
  // guest memory: see `rest-machine.ts`
  memoryMap: call('palacios.{host}.vm.memory.map', ofVm, memoryMap),
  memoryRead: call('palacios.{host}.vm.memory.read', ofVm.extend(memoryRead.shape), memoryBytes),
  memoryWrite: call('palacios.{host}.vm.memory.write', ofVm.extend(memoryWrite.shape), empty),
  memoryHash: call('palacios.{host}.vm.memory.hash', ofVm.extend(memoryRange.shape), memoryHash, 20_000),
  memorySearch: call(
    'palacios.{host}.vm.memory.search',
    ofVm.extend(memorySearch.shape),
    memoryMatches,
    20_000,
  ),
  balloon: call('palacios.{host}.vm.balloon', ofVm.extend(balloonRequest.shape), balloon, 60_000),
  /** New settings of one NIC of a machine that there is; `nic` counts from 0. */
  setNic: call(
    'palacios.{host}.vm.nic',
    ofVm.extend({ nic: z.int().min(0), settings: nicSettings }),
    empty,
    15_000,
  ),
  /** The guest's view of its interfaces, asked now of its agent. */
  refresh: call('palacios.{host}.vm.refresh', ofVm, vmStatus, 15_000),
  /** The console's recent output, base64; from now on output is published on `rawSubjects.consoleOut(host, vmId)`. */
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

const vni = z.int().min(1).max(0xffffff);
/** A host, or an end that is none: where links are attached, or access points. */
export const overlayHost = resourceName.or(z.enum([LINKS_HOST, AIR_HOST]));

/** One attached NIC. `vni` numbers the network (24 bits, as in VXLAN). */
export const attachment = z.object({
  vni,
  mac: macAddress,
  vmId: z.uuid(),
  epoch: z.int(),
});
export type Attachment = z.infer<typeof attachment>;

/** One attached link, with the addresses that were seen behind it. */
export const edgeAttachment = z.object({
  vni,
  link: z.int().positive(),
  learned: z.array(macAddress),
});
export type EdgeAttachment = z.infer<typeof edgeAttachment>;

const anyMac = z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
/** What a route is looked up by: VNET/P's cache key (source type, source id, both addresses) and the network. */
export const flow = z.object({ vni, from: vnetPlace, source: anyMac, destination: anyMac });
export type Flow = z.infer<typeof flow>;

/** Where frames of a flow go: to one place of a host, or (null) to whom the destination address names there. */
export const target = z.object({ host: overlayHost, to: vnetPlace.nullable() });
export type Target = z.infer<typeof target>;

/** Flows that are no longer true: all of a network (null), or those to one address; a group address stands for all groups. */
export const staleFlows = z.object({ vni, destination: anyMac.nullable() });
export type StaleFlows = z.infer<typeof staleFlows>;

export const vnetCalls = {
  /**
   * The full list of what `{host}`, which asks, has attached; sent at each change and when the router is new. Once it is
   * answered, no other host holds a route that this list made wrong.
   */
  attach: call(
    'vnet.attach.{host}',
    z.object({
      nics: z.array(attachment),
      edges: z.array(edgeAttachment).default([]),
    }),
    z.object({ incarnation }),
  ),
  /** Routes or links changed in the store: once it is answered, they are in force on every host. */
  reload: call('vnet.reload', empty, empty, 10_000),
  /** Automatic routes (those of attached NICs and links), counters, and how the links are. */
  status: call(
    'vnet.status',
    empty,
    z.object({
      automatic: z.array(z.object({ vni, mac: macAddress, host: overlayHost, to: vnetPlace })),
      router: z.record(z.string(), z.int()),
      core: coreStats,
      links: z.array(linkStatus),
    }),
  ),
};
/** The router started anew, or was away: every host announces its NICs again and has its cached routes confirmed. */
export const vnetHello = announcement('vnet.hello', z.object({ incarnation }));
/** The router answers a miss or a query: put this into the route cache. No targets: nobody gets such frames. */
export const vnetRouteFound = announcement(
  'vnet.route.{host}',
  flow.extend({ targets: z.array(target), incarnation }),
);
export const vnetInvalidate = announcement(
  'vnet.invalidate',
  z.object({ incarnation, flows: z.array(staleFlows) }),
);
/** A host asks for these routes without having a frame for them. The answers are `vnetRouteFound`, once they are known. */
export const vnetQuery = announcement('vnet.query.{host}', z.object({ flows: z.array(flow) }));

/** Counters of a host's core, served by its Palacios; the links' core is in `vnetCalls.status`. */
export const vnetCoreStats = call('palacios.{host}.vnet', empty, coreStats);

// ---- Capture: served by the Palacios of a host, by the vnet service as host `_links`, by the wifi service as `_air` ----

export const captureCalls = {
  /**
   * Starts to publish what passes the point on `rawSubjects.capture(host, id)`; ends when it is stopped or not renewed
   * for 10 s. Messages are batches of `u64 time (ns, Unix) · u32 direction (1 in, 2 out) · u32 length · u32 kept ·
   * bytes`, little endian, of Ethernet frames without virtio header; of the air, of 802.11 frames without FCS behind a
   * radiotap header. The same id again takes the place of the one before.
   */
  start: call(
    'capture.{host}.start',
    z.object({
      id: z.uuid(),
      /** Null: everything that passes the core. */
      place: z.object({ vni, place: vnetPlace }).or(airPlace).nullable(),
      filter: z.string(),
      snapLength: z.int(),
    }),
    empty,
  ),
  renew: frequent(
    call(
      'capture.{host}.renew',
      z.object({ id: z.uuid() }),
      z.object({ captured: z.int(), dropped: z.int() }),
    ),
  ),
  stop: call('capture.{host}.stop', z.object({ id: z.uuid() }), empty),
};

/**
 * Subjects of raw bytes, which the bus carries without validation; their codecs check them. Each names the host that
 * sends or hears it, so that the server can tell who may (`bus-permissions.ts`).
 */
export const rawSubjects = {
  framesTo: (host: string) => `vnet.frames.host.${host}`,
  /** Frames that `host` has no route for; the router listens to all hosts (`*`) and learns from it who asks. */
  framesToRouter: (host: string) => `vnet.frames.router.${host}`,
  capture: (host: string, id: string) => `captured.${host}.${id}`,
  trace: (host: string, id: string) => `trace.${host}.${id}`,
  /** Batches of hwsim messages (`libs/bus/src/hwsim-batch.ts`) of a host's guests; the wifi service listens to all (`*`). */
  wifiToService: (host: string) => `wifi.radio.${host}`,
  wifiToHost: (host: string) => `wifi.host.${host}`,
  /** Pages and device state of a VM that moves to `target`; each message is answered once it has been taken in. */
  migration: (target: string, id: string) => `migration.${target}.${id}`,
  /** The console of a VM is said and heard by the host that runs it. */
  consoleOut: (host: string, vmId: string) => `console.${host}.${vmId}.out`,
  consoleIn: (host: string, vmId: string) => `console.${host}.${vmId}.in`,
};
