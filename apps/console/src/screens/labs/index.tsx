import { useEffect, useState } from 'react';
import type { LabInfo } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';
import { useApp, useMay, useNow, useOverview } from '../../app-context';
import { formatMs, formatTime } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';
import { LabProgressView } from './progress';
import { LabRunView } from './run-detail';
import { StartDialog } from './start-dialog';
import './labs.css';

export function LabsScreen({ path: [run] }: ScreenProps) {
  return run === undefined ? <Overall /> : <LabRunView id={run} />;
}

function Overall() {
  const { known } = useOverview(['labRuns']);
  const running = known.labRuns?.find(({ state }) => state === 'RUNNING');
  return (
    <>
      <div className="screen-head">
        <h1>Labs</h1>
      </div>
      <div className="stack">
        {running && (
          <Panel
            title={`Lab ${running.lab} is running`}
            actions={
              <a className="button" href={href('labs', running.id)}>
                Show
              </a>
            }
          >
            <LabProgressView run={running} />
          </Panel>
        )}
        <Experiments isBusy={running !== undefined} />
        <PastRuns />
      </div>
    </>
  );
}

function Experiments({ isBusy }: { isBusy: boolean }) {
  const { rest } = useApp();
  const may = useMay();
  const [labs, setLabs] = useState<LabInfo[]>();
  const [error, setError] = useState<ApiError>();
  const [chosen, setChosen] = useState<LabInfo>();
  useEffect(() => {
    const leaving = new AbortController();
    rest
      .call('listLabs', {}, { signal: leaving.signal })
      .then(({ items }) => setLabs(items))
      .catch(thrown => {
        if (!leaving.signal.aborted) setError(ApiError.from(thrown));
      });
    return () => leaving.abort();
  }, [rest]);
  return (
    <Panel title="Experiments" flush>
      {error ? (
        <ErrorNote error={error} />
      ) : (
        <DataTable
          label="Experiments"
          items={labs}
          keyOf={({ name }) => name}
          empty="There are none."
          columns={[
            { title: 'Lab', by: lab => lab.name, cell: lab => <strong>{lab.name}</strong> },
            { title: 'What it measures', className: 'lab-name', cell: lab => lab.summary },
            {
              title: 'Published claim',
              className: 'reason',
              cell: lab => (lab.claims.length > 0 ? lab.claims.join('; ') : 'none'),
            },
            {
              title: 'Takes about',
              isNumber: true,
              by: lab => lab.minutes,
              cell: lab => `${lab.minutes} min`,
            },
            {
              title: '_Actions',
              className: 'acts',
              cell: lab =>
                may('runLab') && (
                  <button
                    type="button"
                    className="button quiet"
                    aria-label={`Run ${lab.name}`}
                    disabled={isBusy}
                    title={isBusy ? 'Another lab is running, and would be measured along' : undefined}
                    onClick={() => setChosen(lab)}
                  >
                    <Icon name="play" /> Run…
                  </button>
                ),
            },
          ]}
        />
      )}
      {chosen && <StartDialog lab={chosen} onClose={() => setChosen(undefined)} />}
    </Panel>
  );
}

function PastRuns() {
  const { known } = useOverview(['labRuns']);
  const now = useNow();
  return (
    <Panel title="Runs" flush>
      <DataTable
        label="Runs"
        items={known.labRuns}
        keyOf={({ id }) => id}
        empty="None has been run by this cluster yet."
        columns={[
          {
            title: 'Begun',
            cell: run => (
              <a className="nowrap" href={href('labs', run.id)}>
                {formatTime(run.createdAt, now)}
              </a>
            ),
          },
          { title: 'Lab', by: run => run.lab, cell: run => run.lab },
          { title: 'State', by: run => run.state, cell: run => <StateBadge state={run.state} /> },
          {
            title: 'Targets',
            cell: run => (
              <span className="nowrap">
                {run.state === 'COMPLETED' ? `${run.holds} hold, ${run.missed} missed` : '–'}
              </span>
            ),
          },
          {
            title: 'Took',
            isNumber: true,
            cell: run => formatMs((run.endedAt ? Date.parse(run.endedAt) : now) - Date.parse(run.createdAt)),
          },
          { title: 'By', by: run => run.actor, cell: run => run.actor },
          { title: 'Reason', className: 'reason', cell: run => run.reason },
        ]}
      />
    </Panel>
  );
}
