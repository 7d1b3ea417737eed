import { useEffect, useState } from 'react';
import type { LabRun, LabRunDetail } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';
import { useApp, useMay, useNow, useOverview } from '../../app-context';
import { formatSeconds, formatTime } from '../../model/quantities';
import { go, href } from '../../router';
import { ConfirmDialog } from '../../ui/confirm-dialog';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { Facts, Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { formatRatio, formatSpread, formatTarget, type LabRow } from './figures';
import { LabProgressView } from './progress';

/** One run: how far it is, or what came of it. */
export function LabRunView({ id }: { id: string }) {
  const { known } = useOverview(['labRuns']);
  const { rest } = useApp();
  const listed = known.labRuns?.find(run => run.id === id);
  const state = listed?.state;
  const [detail, setDetail] = useState<LabRunDetail>();
  const [svg, setSvg] = useState<string>();
  const [error, setError] = useState<ApiError>();
  // Asked for at first, and when it has ended; meanwhile the overview tells how far it is.
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const look = async () => {
      const run = await rest.call('getLabRun', { labrun: id }, { signal });
      setDetail(run);
      if (run.state !== 'COMPLETED') return;
      setSvg((await rest.call('getLabRunPlot', { labrun: id }, { signal })).svg);
    };
    look().catch(thrown => {
      if (!signal.aborted) setError(ApiError.from(thrown));
    });
    return () => leaving.abort();
  }, [rest, id, state]);
  const run = listed ?? detail;
  return (
    <>
      <div className="screen-head">
        <h1>{run ? `Lab ${run.lab}` : 'Lab'}</h1>
        {run && <StateBadge state={run.state} />}
        <div className="row">
          <a className="button" href={href('labs')}>
            All labs
          </a>
          {run && <Actions run={run} />}
        </div>
      </div>
      <div className="stack">
        {error && <ErrorNote error={error} />}
        {run && <Summary run={run} />}
        {detail && detail.rows.length > 0 && <Results rows={detail.rows} />}
        {svg !== undefined && run && <Drawing svg={svg} lab={run.lab} />}
        {!run && !error && <p className="empty">Loading…</p>}
      </div>
    </>
  );
}

function Actions({ run }: { run: LabRun }) {
  const { rest, store, toasts } = useApp();
  const may = useMay();
  const [isAsking, setAsking] = useState(false);
  const cancel = () =>
    void toasts
      .follow(`Cancel the run of ${run.lab}`, () => rest.call('cancelLabRun', { labrun: run.id }))
      .finally(() => store.refresh());
  const remove = () =>
    toasts.follow(`Delete the run of ${run.lab}`, async () => {
      await rest.call('deleteLabRun', { labrun: run.id });
      store.refresh();
      go('labs');
    });
  if (run.state === 'RUNNING')
    return may('cancelLabRun') ? (
      <button type="button" className="button danger" onClick={cancel}>
        <Icon name="stop" /> Cancel
      </button>
    ) : null;
  if (!may('deleteLabRun')) return null;
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        <Icon name="trash" /> Delete…
      </button>
      {isAsking && (
        <ConfirmDialog
          title={`Delete this run of ${run.lab}?`}
          warning="Its results and its drawing are forgotten."
          submit="Delete"
          onClose={() => setAsking(false)}
          onConfirm={() => void remove()}
        />
      )}
    </>
  );
}

function Summary({ run }: { run: LabRun }) {
  const now = useNow();
  const { createdAt, endedAt, runs, actor, state, reason } = run;
  const took = (endedAt ? Date.parse(endedAt) : now) - Date.parse(createdAt);
  return (
    <Panel>
      <div className="stack">
        {state === 'RUNNING' && <LabProgressView run={run} />}
        {state === 'FAILED' && (
          <div className="note bad" role="alert">
            <strong>It failed</strong>
            <span className="lab-reason">{reason}</span>
          </div>
        )}
        <Facts
          items={[
            ['Begun', `${formatTime(createdAt, now)}, by ${actor}`],
            [endedAt ? 'Took' : 'For', formatSeconds(Math.max(0, took) / 1000)],
            ['Repetitions', runs ?? 'as many as the lab would'],
            ...(state === 'COMPLETED'
              ? ([['Targets', `${run.holds} hold, ${run.missed} missed`]] as const)
              : state === 'FAILED'
                ? []
                : ([['Reason', reason]] as const)),
          ]}
        />
      </div>
    </Panel>
  );
}

function Results({ rows }: { rows: readonly LabRow[] }) {
  return (
    <Panel title="Results" flush>
      <DataTable
        label="Results"
        items={rows.map((row, index) => ({ ...row, index }))}
        keyOf={({ index }) => String(index)}
        empty=""
        columns={[
          {
            title: 'Measurement',
            className: 'lab-name',
            cell: row => (
              <>
                {row.name}
                <small className="lab-side">{row.unit}</small>
              </>
            ),
          },
          {
            title: 'Ours',
            isNumber: true,
            cell: row => (row.skipped === undefined ? <Side figure={row.ours} /> : `skipped: ${row.skipped}`),
          },
          {
            title: 'Baseline',
            isNumber: true,
            cell: row => (row.baseline ? <Side figure={row.baseline} /> : '–'),
          },
          { title: 'Ratio', isNumber: true, cell: formatRatio },
          { title: 'Target', cell: row => <span className="nowrap">{formatTarget(row)}</span> },
          { title: 'Verdict', by: row => verdictOf(row), cell: row => <Verdict row={row} /> },
          { title: 'Published claim', className: 'reason', cell: row => row.claim ?? '–' },
        ]}
      />
    </Panel>
  );
}

/** How much, and of what. */
function Side({ figure }: { figure: LabRow['ours'] }) {
  return (
    <>
      {formatSpread(figure)}
      <small className="lab-side">{figure.name}</small>
    </>
  );
}

const verdictOf = ({ holds }: LabRow): string => (holds === null ? '' : holds ? 'HOLDS' : 'MISSED');

function Verdict({ row }: { row: LabRow }) {
  const verdict = verdictOf(row);
  return verdict ? <StateBadge state={verdict} /> : '–';
}

/** An image: what stands in an SVG can't act there. */
function Drawing({ svg, lab }: { svg: string; lab: string }) {
  const address = `data:image/svg+xml,${encodeURIComponent(svg)}`;
  return (
    <Panel
      title="Plot"
      actions={
        <a className="button quiet" href={address} download={`lab-${lab}.svg`}>
          <Icon name="download" /> Save as SVG
        </a>
      }
    >
      <div className="lab-plot" tabIndex={0} role="region" aria-label="Plot">
        <img src={address} alt={`The figures of lab ${lab} with their spread, as in the table above`} />
      </div>
    </Panel>
  );
}
