import type { Migration, MigrationBlocker, MigrationRound } from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge, formatBytes, formatMilliseconds } from './terminal/quantities';
import type { Column } from './terminal/table';

const state = (text: string) => paintState(text, process.stdout);
const duration = (ms: number | null) => (ms === null ? '' : formatMilliseconds(ms));

const id: Column<Migration> = { title: 'ID', value: migration => migration.id };
const vm: Column<Migration> = { title: 'VM', value: migration => migration.vm };
const from: Column<Migration> = { title: 'FROM', value: migration => migration.source };
const to: Column<Migration> = { title: 'TO', value: migration => migration.target };
const phase: Column<Migration> = { title: 'PHASE', value: migration => migration.phase, paint: state };
const sent: Column<Migration> = { title: 'SENT', value: migration => formatBytes(migration.bytesSent) };
const downtime: Column<Migration> = {
  title: 'DOWNTIME',
  value: migration => duration(migration.downtimeMs),
};
const took: Column<Migration> = { title: 'TOOK', value: migration => duration(tookMs(migration)) };
const reason: Column<Migration> = { title: 'REASON', value: migration => migration.reason };
const mode: Column<Migration> = { title: 'MODE', value: migration => migration.options.mode };

export const migrationColumns: Column<Migration>[] = [
  ...[id, vm, from, to, phase],
  { title: 'ROUNDS', value: migration => migration.rounds.length },
  ...[sent, downtime, took],
  { title: 'AGE', value: migration => formatAge(migration.createdAt) },
  reason,
  { title: 'PAGES-LEFT', value: migration => migration.pagesLeft, wide: true },
  { ...mode, wide: true },
];

/** One migration, above the table of its rounds. */
export const migrationFields: Column<Migration>[] = [
  ...[id, vm, from, to, phase, reason],
  { title: 'PHASES', value: phases },
  {
    title: 'PAGES',
    value: ({ pagesSent, pagesLeft, memoryPages }) =>
      `${pagesSent} sent, ${pagesLeft} left, of ${memoryPages}`,
  },
  sent,
  { title: 'PREDICTED', value: migration => duration(migration.predictedDowntimeMs) },
  ...[downtime, took],
  { title: 'OPTIONS', value: options },
  { title: 'OPERATION', value: migration => migration.operation },
];

/** With their numbers, from 1. */
export const roundColumns: Column<MigrationRound & { number: number }>[] = [
  { title: 'ROUND', value: round => round.number },
  { title: 'PAGES', value: round => round.pages },
  { title: 'SENT', value: round => formatBytes(round.bytes) },
  { title: 'TOOK', value: round => formatMilliseconds(round.durationMs) },
  { title: 'DIRTY-PAGES/S', value: round => Math.round(round.dirtyPagesPerSecond) },
  { title: 'SLOWED', value: round => `${Math.round(round.throttle * 100)}%` },
];

export const blockerColumns: Column<MigrationBlocker>[] = [
  { title: 'BLOCKED-BY', value: blocker => blocker.code },
  { title: 'DETAIL', value: blocker => blocker.detail },
];

/** From its beginning to its end; null: it has not ended. */
export function tookMs({ createdAt, endedAt }: Migration): number | null {
  return endedAt === null ? null : Date.parse(endedAt) - Date.parse(createdAt);
}

/** `PREPARING, COPYING after 120 ms, STOPPED after 1.1 s`. */
function phases(migration: Migration): string {
  const [first] = migration.phases;
  if (!first) return '';
  return migration.phases
    .map(({ phase, at }, index) => {
      const after = formatMilliseconds(Date.parse(at) - Date.parse(first.at));
      return index === 0 ? phase : `${phase} after ${after}`;
    })
    .join(', ');
}

function options({ options }: Migration): string {
  const { mode, downtimeLimitMs, maxRounds, pagesLeft, bandwidthMiBps, autoConverge, timeoutSeconds } =
    options;
  return [
    mode,
    `downtime at most ${downtimeLimitMs} ms`,
    `at most ${maxRounds} rounds`,
    `${pagesLeft} pages may be left`,
    bandwidthMiBps !== undefined && `${bandwidthMiBps} MiB/s`,
    autoConverge && 'auto-converge',
    `within ${timeoutSeconds} s`,
  ]
    .filter(Boolean)
    .join(', ');
}
