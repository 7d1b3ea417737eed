/**
 * VPIO: direct yet safe access of guests to a host's physical network cards. The device modeling monitor (DMM) owns
 * every card that is shared, keeps the hooked I/O list of each and decides who has it when (Xia, Lange, Dinda,
 * "Towards Virtual Passthrough I/O on Commodity Devices", WIOV'08). What the papers leave open is ours and is said to
 * be so in docs/labs/vpio.md.
 */
import { z } from 'zod';
import { resourceName } from './quantities';

const instant = z.iso.datetime().describe('RFC 3339, UTC');

/** By the driver that Linux has for them: ne2k-pci, 8139too, 8139cp. */
export const cardModels = ['ne2000', 'rtl8139', 'rtl8139c+'] as const;
export const cardModel = z.enum(cardModels);
export type CardModel = z.infer<typeof cardModel>;

/**
 * How a VM uses a physical card: shared through the DMM, alone without a DMM, or with every access an exit to the DMM.
 */
export const cardAccesses = ['vpio', 'passthrough', 'emulated'] as const;
export const cardAccess = z.enum(cardAccesses);
export type CardAccess = z.infer<typeof cardAccess>;

/** A physical card, `alpha/eth0`. */
export const deviceName = z
  .string()
  .regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'a device is HOST/NIC, for example alpha/eth0');

export const directions = ['read', 'write'] as const;
export const direction = z.enum(directions);
export type Direction = z.infer<typeof direction>;

/** One access of a guest to its device, offsets in bytes from the start of the register window. */
export const ioAccess = z.object({
  direction,
  offset: z.int().min(0).max(0xff),
  size: z.union([z.literal(1), z.literal(2), z.literal(4)]),
  /** Of a write; 0 for a read, which has not been made yet. */
  value: z.int().min(0).max(0xffffffff),
  /** Which of the register pages is selected; 0 where a device has but one. */
  page: z.int().min(0).max(3),
});
export type IoAccess = z.infer<typeof ioAccess>;

/**
 * How the VMM treats accesses to some registers: what no rule names is open, straight to the device. `shadow`: as open,
 * and noted in the VMM; `exit`: the DMM is asked first. The strictest rule that applies counts.
 */
export const hookRule = z.object({
  direction,
  offset: z.int().min(0).max(0xff),
  /** Bytes from `offset` on: an access that touches one of them is meant. */
  length: z.int().min(1).max(256),
  class: z.enum(['shadow', 'exit']),
  /** Writes only: the rule applies where the byte written at `offset`, masked, is one of these. */
  when: z.object({ mask: z.int().min(1).max(0xff), equals: z.array(z.int().min(0).max(0xff)) }).optional(),
  /** For people: the register, and why it is hooked. */
  register: z.string(),
  why: z.string(),
});
export type HookRule = z.infer<typeof hookRule>;

/** Guest memory that a device may reach now; physical addresses in bytes. */
export const dmaWindow = z.object({
  register: z.string().describe('whose value opened it'),
  direction,
  address: z.int().min(0),
  length: z.int().min(0),
});
export type DmaWindow = z.infer<typeof dmaWindow>;

/** A DMA that was about to start and must not. */
export const deniedDma = z.object({
  register: z.string(),
  direction: direction.describe('as memory sees it: a transmission reads, a reception writes'),
  address: z.number().min(0),
  length: z.int().min(0),
});
export type DeniedDma = z.infer<typeof deniedDma>;

export const dmmPolicy = z.object({
  sliceMs: z.int().min(1).max(10_000).describe('how long a guest keeps a card that others wait for'),
  reusableMs: z
    .int()
    .min(1)
    .max(10_000)
    .describe('how long a switch waits until the card is reusable, before it is forced'),
  onFrame: z.boolean().describe('whether a frame for a guest without the card is a reason to switch'),
  onViolation: z
    .enum(['deny', 'stop'])
    .describe('what follows a denied DMA: the access has no effect, or the VM stops'),
});
export type DmmPolicy = z.infer<typeof dmmPolicy>;
export const dmmPolicyPatch = z.strictObject({
  sliceMs: dmmPolicy.shape.sliceMs.optional(),
  reusableMs: dmmPolicy.shape.reusableMs.optional(),
  onFrame: dmmPolicy.shape.onFrame.optional(),
  onViolation: dmmPolicy.shape.onViolation.optional(),
});
export type DmmPolicyPatch = z.infer<typeof dmmPolicyPatch>;
export const defaultDmmPolicy: DmmPolicy = {
  sliceMs: 20,
  reusableMs: 250,
  onFrame: true,
  onViolation: 'deny',
};

/** What the VMM counted of the accesses to one register of a card. */
export const registerAccount = z.object({
  register: z.string(),
  direction,
  open: z.int(),
  shadow: z.int(),
  exit: z.int(),
});
export type RegisterAccount = z.infer<typeof registerAccount>;

/** Minimum, median, 99th percentile and maximum of the latest ones; all of them counted. */
export const durations = z.object({
  count: z.int(),
  minMs: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
});
export type Durations = z.infer<typeof durations>;

/** A card as the VMM of its host sees it. */
export const deviceAccount = z.object({
  registers: z.array(registerAccount),
  exits: durations.describe('how long the guest’s thread stood still for each exit'),
  switches: durations,
  forced: z.int().describe('switches of a card that did not become reusable in time'),
  interrupts: z.int(),
  frames: z.object({
    received: z.int(),
    transmitted: z.int(),
    held: z.int().describe('waiting now for guests without the card'),
    dropped: z.int().describe('beyond the bound of what waits'),
    spoofed: z.int().describe('sent under another address than the guest’s, not let out'),
  }),
  denied: z.int().describe('DMA that the host’s guard stopped, beside what the DMM denied'),
});
export type DeviceAccount = z.infer<typeof deviceAccount>;

const guestOfDevice = z.object({ vmId: z.uuid(), epoch: z.int() });
/**
 * What the card's model knows of a guest. It travels with the guest (it is part of the device context), so that a new
 * DMM, and another host, go on where the last one was; only models look into it, which check it.
 */
export const modelState = z.record(z.string(), z.unknown());
export const memorySize = z.int().positive().describe('bytes of the guest’s RAM');

/** One card of a host, with the guests that share it. */
export const deviceInventory = z.object({
  nic: resourceName,
  model: cardModel,
  holder: guestOfDevice.nullable(),
  /** How the holder uses it: what a DMM that was started anew cannot know. Null: nobody has it, or without the DMM. */
  use: z.object({ access: cardAccess, state: modelState, memorySize }).nullable(),
  /** Guests that ask for it, longest first, and since when (ms). */
  waiting: z.array(guestOfDevice.extend({ why: z.enum(['access', 'frame']), waitedMs: z.number() })),
  guests: z.array(guestOfDevice.extend({ access: cardAccess, heldMs: z.number() })),
  account: deviceAccount,
});
export type DeviceInventory = z.infer<typeof deviceInventory>;

export const dmmDevice = z.object({
  name: deviceName,
  host: resourceName,
  nic: resourceName,
  model: cardModel,
  network: z.string().nullable().describe('where its cable leads'),
  state: z.enum(['READY', 'NOT_READY']),
  reason: z.string(),
  holder: z.string().nullable().describe('the VM that has it now'),
  waiting: z.array(z.object({ vm: z.string(), why: z.enum(['access', 'frame']), waitedMs: z.number() })),
  guests: z.array(
    z.object({ vm: z.string(), access: cardAccess, heldMs: z.number().describe('in all, over its life') }),
  ),
  policy: dmmPolicy,
  hooks: z.array(hookRule).describe('the hooked I/O list in force for the holder'),
  account: deviceAccount.nullable().describe('null while the host does not answer'),
  contexts: z.int(),
  violations: z.int(),
});
export type DmmDevice = z.infer<typeof dmmDevice>;

/** What is kept of a guest that shares a card: enough to go on with it, here or on another host. */
export const dmmContext = z.object({
  device: deviceName,
  vm: z.string(),
  vmId: z.uuid(),
  epoch: z.int(),
  bytes: z.int(),
  forced: z.boolean().describe('whether the card was taken before it was reusable'),
  model: z.record(z.string(), z.unknown()).describe('what the device’s model knows'),
  savedAt: instant,
});
export type DmmContext = z.infer<typeof dmmContext>;

export const dmmViolation = z.object({
  id: z.uuid(),
  device: deviceName,
  vm: z.string(),
  vmId: z.uuid(),
  ...deniedDma.shape,
  action: z.enum(['deny', 'stop']),
  at: instant,
});
export type DmmViolation = z.infer<typeof dmmViolation>;

/** One line of a trace. */
export const traceEvent = z.object({
  atUs: z.number().describe('microseconds since 1970'),
  vm: z.string(),
  event: z.enum(['read', 'write', 'interrupt', 'frame', 'switch', 'violation']),
  register: z.string(),
  offset: z.int().nullable(),
  size: z.int().nullable(),
  value: z.int().nullable(),
  class: z.enum(['open', 'shadow', 'exit']).nullable(),
  detail: z.string(),
});
export type TraceEvent = z.infer<typeof traceEvent>;

/** Among the events of a trace that is streamed to a client: how it goes, whenever something was lost, and at its end. */
export const traceStatus = z.object({
  delivered: z.int().describe('events written so far'),
  dropped: z
    .int()
    .describe('events lost so far: at the host, on the way, or because the client reads too slowly'),
  ended: z.string().nullable().describe('why it ended; null while it goes on'),
});
export type TraceStatus = z.infer<typeof traceStatus>;
export const traceLine = z.union([traceEvent, traceStatus]);
export type TraceLine = z.infer<typeof traceLine>;
export const traceQuery = z.strictObject({ device: deviceName });
