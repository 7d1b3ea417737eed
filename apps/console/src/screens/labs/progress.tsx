import type { LabRun } from '@v3vee/contracts';

/** How far a run is: its step, and what is under way in it. */
export function LabProgressView({ run }: { run: LabRun }) {
  const { progress } = run;
  if (!progress || progress.of === 0) return <p className="muted">{progress?.detail || run.reason}</p>;
  const { step, number, of, detail } = progress;
  return (
    <div className="lab-progress">
      <p>
        <strong>{`Step ${number} of ${of}: ${step}`}</strong>
        {detail && <span className="muted"> – {detail}</span>}
      </p>
      <progress max={of} value={number - 1} aria-label={`Steps of ${run.lab} that are done`} />
    </div>
  );
}
