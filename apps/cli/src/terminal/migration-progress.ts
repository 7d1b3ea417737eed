import type { Migration } from '@v3vee/contracts';
import { tookMs } from '../migration-columns';
import { barOf, createTaskProgress, type ProgressStream } from './progress';
import { formatBytes, formatMilliseconds } from './quantities';
import { clean } from './table';

export interface MigrationProgressView {
  update(migration: Migration): void;
  /** Removes what moves. */
  done(): void;
}

/** A bar that moves on a terminal; elsewhere a line for each phase and each round. */
export function showMigration(stream: ProgressStream): MigrationProgressView {
  const progress = createTaskProgress(stream, { quiet: true });
  let told = '';
  return {
    update: migration => {
      const { vm, source, target, phase, rounds } = migration;
      if (!told) progress.step(`moving ${vm} from ${source} to ${target}`);
      const step = `${phase} ${rounds.length}`;
      if (stream.isTTY) progress.update(`${bar(migration)} ${describeStep(migration)}`);
      else if (step !== told) progress.line(`${vm}: ${describeStep(migration)}`);
      told = step;
    },
    done: () => progress.done(),
  };
}

/** `[██████░░░░]`: the share of its memory that is there as it is here. */
export function bar({ phase, memoryPages, pagesSent, pagesLeft, rounds }: Migration): string {
  const left = rounds.length === 0 ? memoryPages - pagesSent : pagesLeft;
  return barOf(phase === 'COMPLETED' ? 1 : 1 - left / memoryPages);
}

/** `COPYING, round 3, 120 pages left, 4.2 MiB sent, would stand still for 31 ms`. */
export function describeStep(migration: Migration): string {
  const { phase, reason, rounds, pagesLeft, bytesSent, predictedDowntimeMs } = migration;
  if (phase === 'PREPARING') return `${phase}, ${clean(reason)}`;
  return [
    phase,
    phase === 'COPYING' && `round ${rounds.length + 1}`,
    `${pagesLeft} pages left`,
    `${formatBytes(bytesSent)} sent`,
    phase === 'COPYING' &&
      predictedDowntimeMs !== null &&
      `would stand still for ${formatMilliseconds(predictedDowntimeMs)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** Of one that is complete: `a1 runs on beta: downtime 31 ms, 4.2 MiB in 3 rounds, 1.1 s`. */
export function describeMoved(migration: Migration): string {
  const { vm, target, downtimeMs, bytesSent, rounds } = migration;
  const took = tookMs(migration);
  const inRounds = rounds.length === 0 ? '' : ` in ${rounds.length} round${rounds.length === 1 ? '' : 's'}`;
  const figures = [
    downtimeMs !== null && `downtime ${formatMilliseconds(downtimeMs)}`,
    `${formatBytes(bytesSent)}${inRounds}`,
    took !== null && formatMilliseconds(took),
  ];
  // One that was paused did not stand still, and does not run.
  return `${vm} ${downtimeMs === null ? 'is' : 'runs'} on ${target}: ${figures.filter(Boolean).join(', ')}`;
}
