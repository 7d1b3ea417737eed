import { useEffect, useState } from 'react';
import type { Job } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';
import { usePolled } from '../../api/use-polled';
import { useApp, useNow } from '../../app-context';
import { formatBytes, formatMiB, formatMs, formatTime } from '../../model/quantities';
import { href } from '../../router';
import { ErrorNote } from '../../ui/dialog';
import { MenuButton } from '../../ui/menu';
import { Facts, Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { Output, type Line } from './output';
import { tookMs } from './took';
import { useJobActions } from './use-job-actions';
import './jobs.css';

const PERIOD_MS = 1_000;
/** How long the gateway holds a question for more output, seconds. */
const WAIT_SECONDS = 10;
const RETRY_MS = 1_000;

export function JobDetail({ id }: { id: string }) {
  const { rest } = useApp();
  const {
    value: job,
    error,
    look,
  } = usePolled(id, PERIOD_MS, signal => rest.call('getJob', { job: id }, { signal }));
  if (error && (!job || error.code === 'JOB_NOT_FOUND')) return <ErrorNote error={error} />;
  if (!job) return <p className="empty">Loading…</p>;
  return (
    <>
      <Head job={job} onDone={look} />
      <div className="stack">
        <JobFacts job={job} />
        <OutputPanel key={id} job={job} />
      </div>
    </>
  );
}

function Head({ job, onDone }: { job: Job; onDone: () => void }) {
  const { items, dialog } = useJobActions(job, onDone);
  return (
    <div className="screen-head">
      <a className="crumb" href={href('jobs')}>
        Jobs
      </a>
      <h1>{job.id}</h1>
      <StateBadge state={job.state} />
      <span className={job.state === 'FAILED' ? 'bad' : 'muted'}>{job.reason}</span>
      <div className="row">
        <MenuButton label={`Actions of ${job.id}`} items={items} />
      </div>
      {dialog}
    </div>
  );
}

function JobFacts({ job }: { job: Job }) {
  const now = useNow();
  return (
    <Panel title="Job">
      <Facts
        items={[
          [
            'Program',
            <span key="p" className="mono">
              {[job.program, ...job.args].join(' ')}
            </span>,
          ],
          [
            'Host',
            <a key="h" href={href('hosts', job.host)}>
              {job.host}
            </a>,
          ],
          [
            'Ranks',
            `${job.ranks}, each with ${formatMiB(job.memoryMiB)}${job.cores.length > 0 ? `, on core ${job.cores.join(', ')}` : ''}`,
          ],
          [
            'Begun',
            `${formatTime(job.createdAt, now)}; ${job.endedAt ? 'it took' : 'running for'} ${formatMs(tookMs(job, now))}`,
          ],
          ['Time limit', formatMs(1000 * job.timeoutSeconds)],
          ['Exit code', job.exitCode],
          ['Output', formatBytes(job.outputBytes)],
        ]}
      />
    </Panel>
  );
}

function OutputPanel({ job }: { job: Job }) {
  const { lines, error } = useOutput(job.id);
  return (
    <Panel title="Output" flush>
      {error && <ErrorNote error={error} />}
      {lines.length === 0 ? (
        <p className="empty">Nothing was printed{job.state === 'RUNNING' && ' yet'}.</p>
      ) : (
        <pre className="job-output" tabIndex={0} aria-label="Output">
          {lines.map(({ number, rank, stream, text }) => (
            <span key={number} className={stream}>
              {job.ranks > 1 && <i>{rank}</i>}
              {text}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </Panel>
  );
}

/** What it prints, as it comes. */
function useOutput(job: string): { lines: readonly Line[]; error: ApiError | undefined } {
  const { rest } = useApp();
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const output = new Output();
    const follow = async () => {
      let after = 0;
      while (!signal.aborted) {
        try {
          const query = { after, waitSeconds: after === 0 ? 0 : WAIT_SECONDS };
          const answer = await rest.call('jobOutput', { job }, { query, signal });
          output.push(answer);
          setLines([...output.lines]);
          setError(undefined);
          if (answer.ended) return;
          after = answer.next;
          if (answer.pieces.length > 0 || query.waitSeconds > 0) continue;
        } catch (thrown) {
          if (signal.aborted) return;
          const failed = ApiError.from(thrown);
          setError(failed);
          if (failed.code === 'JOB_NOT_FOUND') return;
        }
        await new Promise(resolve => setTimeout(resolve, RETRY_MS));
      }
    };
    void follow();
    return () => stop.abort();
  }, [rest, job]);
  return { lines, error };
}
