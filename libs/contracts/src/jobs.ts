/** Native jobs: WebAssembly programs that Kitten runs on its cores, without a guest. */
import { z } from 'zod';
import { memoryMiB, resourceName } from './quantities';
import { sha256 } from './resources';

export const jobLimits = {
  /** Of a binary. */
  binaryBytes: 4 << 20,
  ranks: 64,
  /** Arguments and environment together. */
  argumentBytes: 16_384,
  /** What all ranks print together; a job that prints more fails. */
  outputBytes: 1 << 20,
  /** Jobs that a host knows; the oldest that have ended are forgotten. */
  kept: 32,
  timeoutSeconds: 3_600,
} as const;

/** Where it ran, which start of its Kitten it was of, and a number: `alpha-1f2e3d4c-1`. */
export const jobId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}-[0-9a-f]{8}-\d{1,9}$/, 'a job is named like alpha-1f2e3d4c-1');
/** What a job's name tells; undefined where it is none. */
export function readJobId(id: string): { host: string; incarnation: string; number: number } | undefined {
  const match = /^(.+)-([0-9a-f]{8})-(\d{1,9})$/.exec(id);
  if (!match || !jobId.safeParse(id).success) return undefined;
  const [, host = '', start = '', count = ''] = match;
  return { host, incarnation: start, number: Number(count) };
}
/** The part of a Kitten's incarnation that its jobs' names have. */
export const jobIncarnation = (incarnation: string): string => incarnation.slice(0, 8);

export const jobStates = ['RUNNING', 'COMPLETED', 'FAILED', 'KILLED'] as const;
export const jobState = z.enum(jobStates);
export type JobState = z.infer<typeof jobState>;

const word = z
  .string()
  .max(4_096, 'an argument has at most 4096 characters')
  .refine(text => !text.includes('\0'), 'an argument has no NUL character');

const jobMemory = memoryMiB.refine(mib => mib <= 1024, 'a rank has from 1MiB to 1GiB of memory');

const jobFields = z.strictObject({
  program: z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, 'a program has a name of 1 to 100 visible ASCII characters')
    .describe('what the program is called: its first argument'),
  ranks: z.int().min(1).max(jobLimits.ranks, `a job has at most ${jobLimits.ranks} ranks`).default(1),
  memoryMiB: jobMemory.default(16).describe('of each rank, all of it from the start'),
  args: z.array(word).max(256).default([]),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'a variable is named by letters, digits and _'),
      word,
    )
    .default({}),
  timeoutSeconds: z.number().positive().max(jobLimits.timeoutSeconds).default(600),
  share: z
    .boolean()
    .default(false)
    .describe('its ranks may be put on cores that others are on, and take turns'),
});
const argumentsFit = ({ args, env }: { args: string[]; env: Record<string, string> }): boolean =>
  Buffer.byteLength([...args, ...Object.entries(env).flat()].join('\0')) <= jobLimits.argumentBytes;
const tooLong = {
  path: ['args'],
  message: `arguments and environment have at most ${jobLimits.argumentBytes} bytes together`,
};

export const jobSpec = jobFields
  .extend({
    host: resourceName.optional().describe('absent: the ready host with the most free cores'),
    binary: sha256.describe('digest of an uploaded blob: a WebAssembly module, a WASI (preview 1) command'),
  })
  .refine(argumentsFit, tooLong);
export type JobSpec = z.infer<typeof jobSpec>;

/** What a Kitten is asked to run. */
export const jobOrder = jobFields
  .extend({
    binary: z.base64().max(Math.ceil(jobLimits.binaryBytes / 3) * 4, 'a binary has at most 4 MiB'),
  })
  .refine(argumentsFit, tooLong);
export type JobOrder = z.infer<typeof jobOrder>;

const instant = z.iso.datetime();
export const job = z.object({
  id: jobId,
  host: resourceName,
  program: z.string(),
  sha256: sha256.describe('of the binary'),
  args: z.array(z.string()),
  ranks: z.int(),
  memoryMiB: z.int().describe('of each rank'),
  timeoutSeconds: z.number(),
  state: jobState,
  reason: z.string().describe('why it is in this state'),
  failedRank: z.int().nullable().describe('FAILED: whose fault that was, if one’s'),
  exitCode: z.int().nullable().describe('0, or that of the rank that failed; null: there is none'),
  cores: z.array(z.int()).describe('by rank, while it runs'),
  outputBytes: z.int(),
  createdAt: instant,
  endedAt: instant.nullable(),
});
export type Job = z.infer<typeof job>;

export const jobOutputQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).describe('leave out so many pieces; `next` says how many'),
  rank: z.coerce.number().int().min(0).optional(),
  stream: z.enum(['stdout', 'stderr']).optional(),
  waitSeconds: z.coerce
    .number()
    .min(0)
    .max(20)
    .default(0)
    .describe('how long to wait for more, or the job’s end'),
});
export const jobOutput = z.object({
  pieces: z.array(
    z.object({
      rank: z.int(),
      stream: z.enum(['stdout', 'stderr']),
      data: z.string().describe('bytes, base64'),
    }),
  ),
  next: z.int().describe('pass it as `after` to go on from here'),
  ended: z.boolean().describe('the job has ended and this was the last of it'),
});
export type JobOutput = z.infer<typeof jobOutput>;
