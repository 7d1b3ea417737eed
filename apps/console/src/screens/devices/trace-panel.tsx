import { useEffect, useState } from 'react';
import type { TraceEvent, TraceLine } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';
import { useApp } from '../../app-context';
import { formatHex } from '../../model/quantities';
import { ErrorNote } from '../../ui/dialog';
import { Panel } from '../../ui/panel';

const SHOWN = 200;
const DRAW_MS = 250;

/** Every access, interrupt, frame and switch of a device as it happens, the latest of them. */
export function TracePanel({ device }: { device: string }) {
  const { rest } = useApp();
  const [isOn, setOn] = useState(false);
  const [events, setEvents] = useState<readonly (TraceEvent & { number: number })[]>([]);
  const [dropped, setDropped] = useState(0);
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    if (!isOn) return;
    const stop = new AbortController();
    let number = 0;
    let latest: (TraceEvent & { number: number })[] = [];
    setError(undefined);
    const draw = setInterval(() => setEvents(latest), DRAW_MS);
    const follow = async () => {
      const lines = rest.lines<TraceLine>(`/v1/dmm/trace?${new URLSearchParams({ device })}`, stop.signal);
      for await (const line of lines) {
        if ('event' in line) latest = [...latest.slice(1 - SHOWN), { ...line, number: ++number }];
        else setDropped(line.dropped);
      }
    };
    follow()
      .catch((thrown: unknown) => {
        if (!stop.signal.aborted) setError(ApiError.from(thrown));
      })
      .finally(() => setOn(false));
    return () => {
      stop.abort();
      clearInterval(draw);
    };
  }, [isOn, rest, device]);
  return (
    <Panel
      title="Live trace"
      flush
      actions={
        <>
          {dropped > 0 && <span className="muted">{dropped} lost</span>}
          <button type="button" className="button" onClick={() => setOn(!isOn)}>
            {isOn ? 'Stop' : 'Start'}
          </button>
        </>
      }
    >
      {error && <ErrorNote error={error} />}
      {events.length === 0 ? (
        <p className="empty">
          {isOn ? 'Nothing has happened yet.' : 'Start it to see every access of guests as it happens.'}
        </p>
      ) : (
        <div className="trace" tabIndex={0} role="region" aria-label="Trace, the latest first">
          <table className="grid">
            <tbody>
              {events.toReversed().map(each => (
                <tr key={each.number}>
                  <td className="mono">{new Date(each.atUs / 1000).toISOString().slice(11, 23)}</td>
                  <td>{each.vm}</td>
                  <td>{each.event}</td>
                  <td>{each.register}</td>
                  <td className="mono">{each.value === null ? '' : formatHex(each.value)}</td>
                  <td>
                    {each.class && (
                      <span className={each.class === 'exit' ? 'tag bad' : 'tag'}>{each.class}</span>
                    )}
                  </td>
                  <td className="reason">{each.detail}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
