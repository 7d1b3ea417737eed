/**
 * The resources as clients see them. From these schemas come validation, the OpenAPI document, the typed
 * client and (later) the proto file.
 */
import { z } from 'zod';
import { deviceSpec, exitTable, machineFields, yieldSettings } from './machine';
import { diskCounters, diskSpecs, vmDisk } from './disks';
import { interval, ipWithPrefix, macAddress, memoryMiB, resourceName } from './quantities';
import { nicDispatch, nicSettings, nicSettingsPatch } from './vnet';
import { cardAccess, cardModel, cardModels } from './vpio';
import { radio, wifiNic, wifiNicSpecs } from './wifi';

const instant = z.iso.datetime().describe('RFC 3339, UTC');

/** Palacios's own state names (palacios/include/palacios/vm.h). */
export const vmStates = ['RUNNING', 'STOPPED', 'PAUSED', 'ERROR', 'SIMULATING', 'RESETTING'] as const;
export const vmState = z.enum(vmStates);
export type VmState = z.infer<typeof vmState>;

/** The published table of verb × states from which it is allowed. */
export const verbStates = {
  start: ['STOPPED', 'ERROR'],
  stop: ['RUNNING', 'PAUSED', 'ERROR'],
  pause: ['RUNNING'],
  resume: ['PAUSED'],
  simulate: ['PAUSED'],
  moveCore: ['RUNNING', 'PAUSED'],
  reset: ['RUNNING', 'PAUSED', 'ERROR'],
  snapshot: ['RUNNING', 'PAUSED'],
  restore: ['RUNNING', 'STOPPED', 'PAUSED', 'ERROR'],
  migrate: ['RUNNING', 'PAUSED'],
  exec: ['RUNNING'],
  console: ['RUNNING', 'PAUSED', 'SIMULATING'],
  memory: ['RUNNING', 'PAUSED'],
  balloon: ['RUNNING'],
  delete: ['STOPPED', 'ERROR'],
} as const satisfies Record<string, readonly VmState[]>;
export type VmVerb = keyof typeof verbStates;

/** In these states a VM has a guest, with its addresses and since when it is there. */
export const isLive = (state: VmState): boolean =>
  state === 'RUNNING' || state === 'PAUSED' || state === 'SIMULATING';

/** How long a guest may be simulated at a time: nothing else can be done with its VM meanwhile. */
export const MAX_SIMULATION_MS = 600_000;
export const simulation = z.strictObject({
  ms: z
    .int()
    .min(1)
    .max(
      MAX_SIMULATION_MS,
      `a simulation takes at most ${MAX_SIMULATION_MS} ms; ask for another one after it`,
    )
    .describe('of guest time; then it stands still again'),
});
export const coreMove = z.strictObject({
  core: z.int().min(0).describe('of its host; they count from 0'),
});

export const physicalNic = z.strictObject({
  name: resourceName,
  model: cardModel,
  mac: macAddress.optional(),
  network: resourceName.optional().describe('where its cable leads; guests can use it only then'),
});
export type PhysicalNic = z.infer<typeof physicalNic>;

export const host = z.object({
  name: resourceName,
  state: z.enum(['READY', 'NOT_READY']).describe('whether its Kitten and its Palacios answer'),
  reason: z.string(),
  memoryMiB: z.int(),
  memoryFreeMiB: z.int(),
  memoryLargestHoleMiB: z.int().describe('largest contiguous run that a guest could get'),
  cores: z.int(),
  coresFree: z.int(),
  nics: z.array(physicalNic),
  radios: z.array(radio),
  vms: z.int().describe('guests that hold memory here'),
  cordoned: z.boolean().describe('gets no further VMs; those that it has run on'),
  lease: z
    .enum(['HELD', 'EXPIRED', 'LOST', 'NONE'])
    .describe(
      'HELD: its VMs may run; EXPIRED: they stand still; LOST: they may be started elsewhere; NONE: it ended in order',
    ),
  leaseExpiresAt: instant.nullable(),
  heardAt: instant.nullable(),
});
export type Host = z.infer<typeof host>;

export const network = z.object({
  id: z.uuid(),
  name: resourceName,
  project: resourceName,
  subnet: ipWithPrefix.nullable(),
  dhcp: z.boolean(),
  dns: z.boolean(),
  serviceAddress: z
    .string()
    .nullable()
    .describe('where DHCP and DNS answer: the first address of the subnet'),
  nics: z.int().describe('NICs attached by definition'),
  createdAt: instant,
});
export type Network = z.infer<typeof network>;

/** Of a VM or a network, when it is made; it stays there. */
export const inProject = resourceName
  .optional()
  .describe('whose it is: the caller’s own when absent, or else `default`');

export const networkSpec = z.strictObject({
  name: resourceName,
  project: inProject,
  subnet: ipWithPrefix.optional(),
  dhcp: z.boolean().default(false).describe('lend addresses of the subnet to guests that ask'),
  dns: z.boolean().default(false).describe('answer guests’ questions for the names of VMs'),
});
export type NetworkSpec = z.infer<typeof networkSpec>;

export const nicSpec = z.strictObject({
  network: resourceName,
  mac: macAddress.optional().describe('chosen by the gateway when absent'),
  ip: ipWithPrefix.optional().describe('set in the guest by the configuration channel'),
  settings: nicSettingsPatch.optional(),
  device: resourceName
    .optional()
    .describe('a physical NIC of the VM’s host, whose cable leads to `network`; absent: a virtio NIC'),
  access: cardAccess
    .optional()
    .describe('how the physical NIC is used: vpio (the default; shared), passthrough (alone) or emulated'),
});
export type NicSpec = z.infer<typeof nicSpec>;

export const guestMemory = memoryMiB.refine(mib => mib >= 32 && mib <= 1024, {
  message: 'a guest has from 32MiB to 1GiB of memory',
});

export const failoverPolicies = ['none', 'restart', 'checkpoint'] as const;
export const failoverPolicy = z.enum(failoverPolicies);
export type FailoverPolicy = z.infer<typeof failoverPolicy>;
export const DEFAULT_CHECKPOINT_SECONDS = 30;
/** What becomes of a VM whose host is lost. */
const failoverFields = {
  failover: failoverPolicy
    .default('none')
    .describe(
      'when its host is lost: none, it waits for it; restart, it starts anew on another host; checkpoint, it goes on there from its last one',
    ),
  checkpointEvery: interval
    .refine(length => length >= 5 && length <= 86_400, { message: 'checkpoints are made every 5s to 24h' })
    .optional()
    .describe('seconds, or text such as 30s; with `failover: checkpoint` only (default 30s)'),
};

/** What is wrong with these two together, if anything: where, and what would be right. */
export function failoverProblem({
  failover,
  checkpointEvery,
}: {
  failover?: FailoverPolicy;
  checkpointEvery?: number;
}): { path: [string]; message: string } | undefined {
  if (checkpointEvery === undefined || failover === 'checkpoint') return undefined;
  const message = `checkpoints are made for "failover: checkpoint" only, not for "${failover ?? 'none'}"`;
  return { path: ['checkpointEvery'], message };
}

const vmFields = z.strictObject({
  name: resourceName,
  project: inProject,
  host: resourceName,
  memoryMiB: guestMemory.default(64),
  image: resourceName.default('debian'),
  nics: z.array(nicSpec).max(4, 'a VM has at most 4 NICs').default([]),
  wifi: wifiNicSpecs.default([]).describe('Wi-Fi NICs; the image needs the drivers'),
  disks: diskSpecs.default([]),
  autostart: z.boolean().default(false).describe('start it with the cluster'),
  boot: z
    .enum(['template', 'cold'])
    .default('template')
    .describe('from the post-boot template, or a cold boot'),
  ...failoverFields,
  ...machineFields,
});
export const vmSpec = vmFields.superRefine(checkFailover);
export type VmSpec = z.infer<typeof vmSpec>;
export type VmSpecInput = z.input<typeof vmSpec>;

function checkFailover(
  spec: { failover?: FailoverPolicy; checkpointEvery?: number },
  ctx: z.core.$RefinementCtx,
): void {
  const problem = failoverProblem(spec);
  if (problem) ctx.addIssue({ code: 'custom', ...problem });
}

/** A partial update; what the machine is made of (NICs, memory, image, host, devices, yield) needs the VM stopped. */
export const vmPatch = z.strictObject({
  host: resourceName.optional(),
  memoryMiB: guestMemory.optional(),
  image: resourceName.optional(),
  nics: vmFields.shape.nics.removeDefault().optional(),
  wifi: wifiNicSpecs.optional().describe('takes the place of all there were, passphrases included'),
  disks: diskSpecs.optional().describe('one that is not named any more is deleted, with all that is on it'),
  autostart: z.boolean().optional(),
  boot: vmFields.shape.boot.removeDefault().optional(),
  failover: failoverPolicy.optional(),
  checkpointEvery: failoverFields.checkpointEvery,
  yield: yieldSettings.optional(),
  devices: machineFields.devices.removeDefault().optional(),
});
export type VmPatch = z.infer<typeof vmPatch>;

export const nic = z.object({
  name: z.string().describe('its name in the guest, eth0…'),
  model: z.enum(['virtio-net', ...cardModels]),
  device: z.string().nullable().describe('the physical NIC of the host; null: a virtio NIC'),
  access: cardAccess.nullable(),
  network: resourceName,
  mac: z.string(),
  ips: z.array(z.string()).describe('as the guest reports them; the configured address until it does'),
  settings: nicSettings,
});

export const vm = z.object({
  id: z.uuid(),
  name: resourceName,
  project: resourceName,
  host: resourceName,
  epoch: z.int().describe('grows with each change of the owning host'),
  state: vmState,
  reason: z.string().describe('why it is in this state'),
  image: resourceName,
  memoryMiB: z.int(),
  autostart: z.boolean(),
  boot: z.enum(['template', 'cold']),
  failover: failoverPolicy.describe('what becomes of it when its host is lost'),
  checkpointEvery: z.int().nullable().describe('seconds between two checkpoints'),
  agent: z.boolean().describe('whether the guest agent answers'),
  core: z
    .int()
    .nullable()
    .describe('of its host, to itself unless that shares its cores; null: none, or its Kitten is silent'),
  nics: z.array(nic),
  wifi: z.array(wifiNic),
  yield: yieldSettings,
  devices: z.array(deviceSpec),
  disks: z.array(vmDisk),
  createdAt: instant,
  startedAt: instant.nullable(),
});
export type Vm = z.infer<typeof vm>;

export const image = z.object({
  name: resourceName,
  digest: z.string(),
  kind: z.enum(['built', 'imported']),
  kernelBytes: z.int(),
  initrdBytes: z.int(),
  cmdline: z.string(),
  agent: z.boolean(),
  wifi: z.boolean().describe('whether guests of it can have Wi-Fi NICs; taken on trust of imported ones'),
  createdAt: instant,
});
export type Image = z.infer<typeof image>;

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 lower-case hexadecimal digits');
export const imageImport = z.strictObject({
  name: resourceName,
  kernel: sha256.describe('digest of an uploaded blob: a 32-bit bzImage or ELF vmlinux'),
  initrd: sha256.optional().describe('digest of an uploaded blob: a cpio archive, plain or compressed'),
  cmdline: z.string().max(2047, 'a kernel command line has at most 2047 characters').default('console=ttyS0'),
});
export type ImageImport = z.infer<typeof imageImport>;

export const snapshot = z.object({
  id: z.uuid(),
  name: resourceName,
  kind: z.enum(['named', 'checkpoint']).describe('checkpoint: made at intervals for fail-over'),
  vmId: z.uuid(),
  vmName: z.string(),
  host: resourceName,
  memoryMiB: z.int(),
  image: resourceName,
  bytes: z.int().describe('by which what is stored grew on disk when it was taken'),
  pages: z.int().describe('of its memory that are not zero, 4 KiB each'),
  newPages: z.int().describe('different ones among them that no saved state had; the others are stored once'),
  pauseMs: z
    .number()
    .nullable()
    .describe('how long the guest stood still for it; null: it did anyway, or unknown'),
  parent: z.uuid().nullable().describe('the one of its VM before it, which it does not need'),
  digest: z.string(),
  createdAt: instant,
});
export type Snapshot = z.infer<typeof snapshot>;

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z
    .array(
      z.object({
        path: z.string(),
        message: z.string(),
        line: z.int().optional(),
        column: z.int().optional(),
      }),
    )
    .optional(),
  requestId: z.string().optional(),
});

/** What takes long (AIP-151). `response` is the resource when `done` without `error`. */
export const operation = z.object({
  id: z.uuid(),
  verb: z.string(),
  target: z.string().describe('for example vms/a1'),
  done: z.boolean(),
  progress: z.string(),
  metadata: z
    .unknown()
    .describe('how far it is as data, for verbs that tell that (drain); null: it does not'),
  error: problem.nullable(),
  response: z.unknown(),
  createdAt: instant,
  endedAt: instant.nullable(),
});
export type Operation = z.infer<typeof operation>;

export const execRequest = z.strictObject({
  command: z.array(z.string()).min(1, 'a command has at least one word').max(256),
  input: z.string().optional().describe('standard input, base64'),
  timeoutSeconds: z.number().positive().max(3600).default(60),
});
export type ExecRequest = z.infer<typeof execRequest>;

export const execResult = z.object({
  exitCode: z.int().describe('128 + signal where a signal ended it'),
  stdout: z.string(),
  stderr: z.string(),
  encoding: z.enum(['utf8', 'base64']).describe('base64 where the output is not UTF-8 text'),
  truncated: z.boolean(),
});
export type ExecResult = z.infer<typeof execResult>;

export const telemetry = exitTable.extend({
  interruptsStuck: z
    .int()
    .describe('times that the interrupt controller was seen serving nobody; when it grows, lines are dead'),
  instructions: z.number(),
  guestSeconds: z.number(),
  idleSeconds: z.number(),
  nics: z.array(
    z.object({
      name: z.string(),
      mac: z.string(),
      receivePackets: z.int(),
      receiveBytes: z.int(),
      transmitPackets: z.int(),
      transmitBytes: z.int(),
      dropped: z.record(z.string(), z.int()),
      dispatch: nicDispatch,
    }),
  ),
  disks: z.array(diskCounters).describe('not the disc in its CD drive'),
  balloonBytes: z.int().describe('of its RAM that the guest has given back'),
});
export type Telemetry = z.infer<typeof telemetry>;

export const list = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextPageToken: z.string().describe('empty on the last page') });
export interface List<T> {
  items: T[];
  nextPageToken: string;
}
