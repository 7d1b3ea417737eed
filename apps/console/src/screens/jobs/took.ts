import type { Job } from '@v3vee/contracts';

/** So far, or until it ended, ms. */
export const tookMs = ({ createdAt, endedAt }: Job, now: number): number =>
  Math.max(0, (endedAt ? Date.parse(endedAt) : now) - Date.parse(createdAt));
