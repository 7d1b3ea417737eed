import { useState, type ReactNode } from 'react';
import type { Job } from '@v3vee/contracts';
import { usePolled } from '../../api/use-polled';
import { useApp, useNow, useWhyRefused } from '../../app-context';
import { formatMiB, formatMs, formatTime } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { ErrorNote } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { MenuButton } from '../../ui/menu';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';
import { JobDetail } from './job-detail';
import { LaunchDialog } from './launch-dialog';
import { tookMs } from './took';
import { useJobActions } from './use-job-actions';

const PERIOD_MS = 1_000;

export function JobsScreen({ path: [id] }: ScreenProps) {
  return id === undefined ? <JobList /> : <JobDetail id={id} />;
}

/** Native jobs: programs that Kitten runs on its cores, without a guest. */
function JobList() {
  const { rest } = useApp();
  const refusal = useWhyRefused()('createJob');
  const now = useNow();
  const [dialog, setDialog] = useState<ReactNode>(null);
  const {
    value: jobs,
    error,
    look,
  } = usePolled('jobs', PERIOD_MS, async signal => {
    const { items } = await rest.call('listJobs', {}, { query: { pageSize: 1000 }, signal });
    return items;
  });
  return (
    <>
      <div className="screen-head">
        <h1>Jobs</h1>
        <span className="muted">WebAssembly programs on the hosts’ cores, without a guest</span>
        <div className="row">
          <button
            type="button"
            className="button primary"
            disabled={refusal !== undefined}
            title={refusal}
            onClick={() => setDialog(<LaunchDialog onLaunched={look} onClose={() => setDialog(null)} />)}
          >
            <Icon name="plus" /> Run a program…
          </button>
        </div>
      </div>
      {error && <ErrorNote error={error} />}
      <Panel flush>
        <DataTable
          label="Jobs"
          items={jobs}
          keyOf={({ id }) => id}
          empty="No job is known to any host. Those of a Kitten that was restarted are gone."
          columns={[
            {
              title: 'Job',
              by: each => each.id,
              cell: each => <a href={href('jobs', each.id)}>{each.id}</a>,
            },
            {
              title: 'Program',
              by: each => each.program,
              cell: each => <span className="mono">{each.program}</span>,
            },
            {
              title: 'State',
              by: each => each.state,
              cell: each => <StateBadge state={each.state} reason={each.reason} />,
            },
            {
              title: 'Host',
              by: each => each.host,
              cell: each => <a href={href('hosts', each.host)}>{each.host}</a>,
            },
            { title: 'Ranks', isNumber: true, by: each => each.ranks, cell: each => each.ranks },
            { title: 'Cores', cell: each => each.cores.join(', ') || '–' },
            { title: 'Memory', isNumber: true, cell: each => formatMiB(each.ranks * each.memoryMiB) },
            {
              title: 'Begun',
              by: each => Date.parse(each.createdAt),
              cell: each => <span className="nowrap">{formatTime(each.createdAt, now)}</span>,
            },
            { title: 'Took', isNumber: true, cell: each => formatMs(tookMs(each, now)) },
            { title: 'Reason', className: 'reason', cell: each => each.reason },
            { title: '_Actions', className: 'acts', cell: each => <JobMenu job={each} onDone={look} /> },
          ]}
        />
      </Panel>
      {dialog}
    </>
  );
}

function JobMenu({ job, onDone }: { job: Job; onDone: () => void }) {
  const { items, dialog } = useJobActions(job, onDone);
  return (
    <>
      <MenuButton label={`Actions of ${job.id}`} items={items} />
      {dialog}
    </>
  );
}
