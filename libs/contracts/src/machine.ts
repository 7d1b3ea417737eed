/**
 * What a VM's machine is made of beyond memory, NICs and image, and what can be seen and changed of it from outside:
 * further devices, how its core gives way, exits, guest memory, the balloon.
 */
import { z } from 'zod';
import { resourceName } from './quantities';

export const yieldStrategies = ['greedy', 'friendly', 'adaptive'] as const;
/** Palacios's own strategies and values. */
export const yieldSettings = z.strictObject({
  strategy: z
    .enum(yieldStrategies)
    .default('friendly')
    .describe(
      'of a core whose guest is halted: greedy, it looks for work without end; friendly, it sleeps until there is some; adaptive, greedy for a while, then it sleeps in slices',
    ),
  thresholdUs: z.int().min(0).max(1_000_000).default(100).describe('of adaptive: how long it is greedy'),
  sleepMs: z.int().min(1).max(100).default(10).describe('of adaptive: a slice'),
  scheduleHz: z.int().min(10).max(1000).default(100).describe('how often a guest that computes gives way'),
});
export type YieldSettings = z.infer<typeof yieldSettings>;

export const deviceSpec = z.strictObject({
  class: resourceName.describe('a device class of the host: virtio-balloon, or one of its operator’s'),
  id: resourceName.describe('its name in the VM'),
  options: z
    .record(z.string().max(64), z.unknown())
    .default({})
    .refine(
      options => JSON.stringify(options).length <= 4096,
      'options of a device have at most 4096 characters',
    )
    .describe('as the class wants them'),
});
export type DeviceSpec = z.infer<typeof deviceSpec>;

export const deviceSpecs = z
  .array(deviceSpec)
  .max(8, 'a VM has at most 8 further devices')
  .superRefine((devices, ctx) => {
    const seen = new Set<string>();
    devices.forEach(({ id }, index) => {
      if (seen.has(id)) {
        const message = `two devices are named "${id}"; each needs a name of its own`;
        ctx.addIssue({ code: 'custom', path: [index, 'id'], message });
      }
      seen.add(id);
    });
  });

/** Fields of a VM's definition. */
export const machineFields = {
  yield: yieldSettings.prefault({}).describe('when its core gives way to others'),
  devices: deviceSpecs.default([]).describe('beyond its NICs, by class'),
};

// ---- exits -------------------------------------------------------------------------------------------------------

/** What handling exits of a kind costs. A µs is 1,000 cycles of the guest's time stamp counter. */
export const exitCost = z.object({
  sampled: z.int().describe('exits whose time was taken: the first 64, then one of 16'),
  meanMicros: z.number(),
  histogram: z
    .array(z.object({ upToMicros: z.number().nullable().describe('null: longer'), count: z.int() }))
    .describe('of those sampled'),
});
export type ExitCost = z.infer<typeof exitCost>;

export const exitCount = z.object({
  count: z.int(),
  cost: exitCost.optional().describe('absent where handling is not measured'),
});

export const portCount = z.object({ port: z.int(), owner: z.string(), reads: z.int(), writes: z.int() });

export const exitTable = z.object({
  vm: z.string(),
  host: z.string(),
  exits: z
    .record(z.string(), exitCount)
    .describe('by kind: io-in, io-out, mmio-read, cpuid, hypercall, interrupt, halt, timer, …'),
  ports: z.array(portCount).describe('the most accessed, with whose they are'),
  hypercalls: z.array(z.object({ number: z.int(), name: z.string(), count: z.int() })),
  yields: z
    .object({
      quanta: z.int().describe('of the host’s scheduler that were used up'),
      polls: z.int().describe('looks for work of a halted guest without sleeping'),
      sleeps: z.int(),
      longestSleepMs: z.number(),
    })
    .describe('what its core did when there was nothing to do'),
});
export type ExitTable = z.infer<typeof exitTable>;

// ---- guest memory ------------------------------------------------------------------------------------------------

/** Of one read or write. */
export const MAX_MEMORY_BYTES = 256 * 1024;
/** A guest's RAM ends below 4 GiB. */
const MAX_ADDRESS = 2 ** 32 - 1;

/** A guest physical address, a number or `0x…`. */
export const guestAddress = z.union([
  z.int().min(0).max(MAX_ADDRESS),
  z.string().transform((text, ctx) => {
    const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : NaN;
    if (value <= MAX_ADDRESS) return value;
    const message = `"${text}" is not an address; write for example 0x100000`;
    ctx.addIssue({ code: 'custom', message });
    return z.NEVER;
  }),
]);

export const memoryRegion = z.object({
  start: z.int(),
  end: z.int().describe('the first address after it'),
  flags: z.string().describe('of r, w, x'),
  kind: z
    .string()
    .describe(
      'ram; chipset, device, hook: each access is an exit; passthrough: registers of a physical card',
    ),
  name: z.string(),
});
export const memoryMap = z.object({
  vm: z.string(),
  memoryBytes: z.int(),
  balloonBytes: z.int().describe('of its RAM that the guest has given back'),
  regions: z.array(memoryRegion).describe('by address'),
});
export type MemoryMap = z.infer<typeof memoryMap>;

const hex = z
  .string()
  .regex(/^([0-9a-f]{2})+$/i, 'bytes are written as pairs of hexadecimal digits, for example 7f454c46')
  .max(512, 'a pattern has at most 256 bytes');

export const memoryRange = z.strictObject({
  address: guestAddress.default(0),
  length: z.coerce
    .number()
    .int()
    .min(1)
    .max(2 ** 30)
    .optional()
    .describe('bytes; absent: to the end of RAM'),
});
export const memoryRead = z.strictObject({
  address: guestAddress,
  length: z.coerce.number().int().min(1).max(MAX_MEMORY_BYTES),
});
export const memoryBytes = z.object({ address: z.int(), data: z.string().describe('base64') });
export const memoryWrite = z.strictObject({
  address: guestAddress,
  data: z
    .base64()
    .min(1)
    .max(Math.ceil(MAX_MEMORY_BYTES / 3) * 4)
    .describe('base64'),
});
export const memoryHash = z.object({ address: z.int(), length: z.int(), sha256: z.string() });
export const memorySearch = memoryRange.extend({
  pattern: hex.describe('hexadecimal'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});
export const memoryMatches = z.object({ addresses: z.array(z.int()), more: z.boolean() });

// ---- the balloon -------------------------------------------------------------------------------------------------

export const balloonRequest = z.strictObject({
  memoryMiB: z.int().min(16).max(1024).describe('that the guest is to have; the rest it gives back'),
});
export const balloon = z.object({
  vm: z.string(),
  memoryMiB: z.int().describe('as defined'),
  targetMiB: z.int().describe('that the guest is to have'),
  hostMiB: z.int().describe('that its host holds for it'),
  balloonBytes: z.int().describe('that it has given back'),
});
export type Balloon = z.infer<typeof balloon>;
