/** Labs: experiments, each beside its baseline, and their runs. */
import { z } from 'zod';

export const labLimits = { runs: 9999 } as const;

export const lab = z.object({
  name: z.string(),
  summary: z.string().describe('what is measured against what'),
  claims: z.array(z.string()).describe('what was published of it, in words; none: nothing was'),
  minutes: z.number().describe('about how long it takes with `runs` on a quiet machine of two cores'),
  runs: z.int().describe('repetitions of each measurement, where the caller does not say'),
});
export type LabInfo = z.infer<typeof lab>;

/** How far a run is. */
export const labProgress = z.object({
  step: z.string(),
  number: z.int().describe('of the step, from 1; 0: none has begun'),
  of: z.int().describe('steps in all; those that this machine lacks something for are passed over'),
  detail: z.string().describe('what is under way in it'),
});
export type LabProgress = z.infer<typeof labProgress>;

const measured = z.number();
export const labFigure = z.object({
  name: z.string(),
  median: measured,
  min: measured,
  max: measured,
  n: z.int().describe('measurements'),
});

export const labTarget = z.object({
  of: z.enum(['ratio', 'ours']).describe('ratio: ours over the baseline'),
  op: z.enum(['<=', '>=']),
  value: z.number(),
});

export const labRow = z.object({
  name: z.string(),
  unit: z.string(),
  baseline: labFigure
    .nullable()
    .describe('what ours is compared with, measured in the same run; null: there is nothing to compare with'),
  ours: labFigure,
  ratio: z
    .number()
    .nullable()
    .describe('ours over the baseline, of the medians or the median of the rounds’; null without a baseline'),
  ratioSpread: z
    .object({ min: z.number(), max: z.number() })
    .nullable()
    .describe('of the rounds, where both sides were measured in each of them'),
  claim: z.string().nullable().describe('what was published, in words; null: nothing was'),
  target: labTarget.nullable(),
  holds: z.boolean().nullable().describe('whether the target holds; null without one'),
  skipped: z
    .string()
    .optional()
    .describe('why nothing was measured: then `ours` has no measurements, and its numbers say nothing'),
});

export const labRunStates = ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
export type LabRunState = (typeof labRunStates)[number];

export const labRunSpec = z.strictObject({
  runs: z
    .int()
    .min(1)
    .max(labLimits.runs)
    .optional()
    .describe('repetitions of each measurement; absent: as many as the lab would'),
});
export type LabRunSpec = z.infer<typeof labRunSpec>;

const instant = z.iso.datetime();
export const labRun = z.object({
  id: z.uuid(),
  lab: z.string(),
  runs: z.int().nullable().describe('repetitions that were asked for; null: as many as the lab would'),
  state: z.enum(labRunStates),
  reason: z.string().describe('why it is in this state'),
  progress: labProgress.nullable().describe('null: it has told nothing'),
  holds: z.int().describe('targets that hold'),
  missed: z.int().describe('targets that were missed'),
  actor: z.string().describe('who began it'),
  createdAt: instant,
  endedAt: instant.nullable(),
});
export type LabRun = z.infer<typeof labRun>;

export const labRunDetail = labRun.extend({
  rows: z.array(labRow).describe('its results; none before it has completed'),
});
export type LabRunDetail = z.infer<typeof labRunDetail>;

/** What a lab prints with `--json`: all that a run's owner takes of it. */
export const labOutcome = z.object({ lab: z.string(), results: z.array(labRow) });

export const labPlot = z.object({
  svg: z.string().describe('an SVG document: each figure with its spread, and how single runs went'),
});
