import { V3Error, type MigrationProgress } from '@v3vee/contracts';
import { ATTRIBUTE, isTracing, type OpenSpan } from '@v3vee/tracing';

/** Its phases as spans of their own, which they become at its end: until then nothing of tracing is in its way. */
export function endMigrationSpan(span: OpenSpan, progress: MigrationProgress): void {
  if (!isTracing()) return;
  const { phase, phases, pagesSent, bytesSent, rounds, downtimeMs, reason } = progress;
  for (const [i, begun] of phases.entries()) {
    const next = phases[i + 1];
    // The last one is how it ended, and lasts no time.
    if (!next) continue;
    const attributes = { [ATTRIBUTE.phase]: begun.phase };
    span.child(`migration ${begun.phase}`, new Date(begun.at), new Date(next.at), attributes);
  }
  span.set({
    [ATTRIBUTE.phase]: phase,
    [ATTRIBUTE.pages]: pagesSent,
    [ATTRIBUTE.bytes]: bytesSent,
    [ATTRIBUTE.rounds]: rounds.length,
    ...(downtimeMs !== null && { [ATTRIBUTE.downtime]: downtimeMs }),
  });
  const code = phase === 'CANCELLED' ? 'MIGRATION_CANCELLED' : 'MIGRATION_FAILED';
  span.end(phase === 'COMPLETED' ? undefined : new V3Error(code, reason));
}
