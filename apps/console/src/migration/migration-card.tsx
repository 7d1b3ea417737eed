import type { Migration } from '@v3vee/contracts';
import { formatBytes, formatMs } from '../model/quantities';
import { phaseDurations, stepNames, steps, stepStates } from './phases';

/** Phases, rounds and downtime of one migration. */
export function MigrationProgressView({ migration, now }: { migration: Migration; now: number }) {
  const states = stepStates(migration);
  const durations = phaseDurations(migration, now);
  const { rounds, bytesSent, pagesLeft, memoryPages, downtimeMs, predictedDowntimeMs } = migration;
  return (
    <>
      <ol className="phases" aria-label="Phases">
        {steps.map((step, index) => (
          <li
            key={step}
            data-step={states[index]}
            aria-current={states[index] === 'now' ? 'step' : undefined}
          >
            <span>{stepNames[step]}</span>
            {step !== 'COMPLETED' && durations.has(step) && (
              <small>{formatMs(durations.get(step) as number)}</small>
            )}
          </li>
        ))}
      </ol>
      <Rounds rounds={rounds} />
      <dl className="migration-facts">
        <dt>Sent</dt>
        <dd>
          {formatBytes(bytesSent)} in {rounds.length} {rounds.length === 1 ? 'round' : 'rounds'}
        </dd>
        <dt>Left</dt>
        <dd>
          {pagesLeft} of {memoryPages} pages
        </dd>
        <dt>Downtime</dt>
        <dd>
          {downtimeMs !== null ? (
            <strong>{formatMs(downtimeMs)}</strong>
          ) : predictedDowntimeMs !== null ? (
            `about ${formatMs(predictedDowntimeMs)}`
          ) : (
            '–'
          )}
        </dd>
      </dl>
    </>
  );
}

/** Pages of each round, on a scale of roots: the later ones are a hundredth of the first. */
function Rounds({ rounds }: { rounds: Migration['rounds'] }) {
  if (rounds.length === 0) return null;
  const most = Math.max(...rounds.map(({ pages }) => pages), 1);
  const width = Math.min(18, 300 / rounds.length);
  return (
    <svg
      className="rounds"
      viewBox={`0 0 ${Math.max(300, width * rounds.length)} 34`}
      preserveAspectRatio="xMinYMax meet"
      role="img"
      aria-label={`Pages of each round: ${rounds.map(({ pages }) => pages).join(', ')}`}
    >
      {rounds.map(({ pages, durationMs }, index) => {
        const height = Math.max(1.5, 32 * Math.sqrt(pages / most));
        return (
          <rect key={index} x={index * width} y={34 - height} width={Math.max(1, width - 2)} height={height}>
            <title>{`Round ${index + 1}: ${pages} pages in ${formatMs(durationMs)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}
