import { useEffect, useMemo, useRef, useState, type FormEvent } from 'react';
import type { Overview } from '@v3vee/contracts';
import { ApiError } from '../../api/problem';
import { useApp, useOverview } from '../../app-context';
import { hexDump } from '../../model/hex-dump';
import { formatBytes } from '../../model/quantities';
import { ErrorNote } from '../../ui/dialog';
import { Icon } from '../../ui/icon';
import { download } from '../../ui/download';
import { Panel } from '../../ui/panel';
import type { ScreenProps } from '../screen';
import { Recording, type PacketRow } from './recording';
import './capture.css';

/** How often new rows are drawn, ms. */
const DRAW_MS = 200;
const ROWS_SHOWN = 300;

export function CaptureScreen({ path }: ScreenProps) {
  const { rest } = useApp();
  const { known } = useOverview(['vms', 'links', 'hosts', 'radios', 'accessPoints', 'stations']);
  const [point, setPoint] = useState(path.join('/'));
  const [filter, setFilter] = useState('');
  const [running, setRunning] = useState<AbortController>();
  const [recording, setRecording] = useState<Recording>();
  const [error, setError] = useState<ApiError>();
  const [chosen, setChosen] = useState<PacketRow>();
  useEffect(() => () => running?.abort(), [running]);
  const groups = useMemo(() => pointsOf(known), [known]);
  const first = point || groups.flatMap(({ points }) => points)[0];

  const start = async (event: FormEvent) => {
    event.preventDefault();
    if (running) return running.abort();
    if (!first) return;
    const stop = new AbortController();
    const made = new Recording();
    setRunning(stop);
    setRecording(made);
    setChosen(undefined);
    setError(undefined);
    try {
      const query = new URLSearchParams({ point: first, filter });
      const response = await rest.fetch(`/v1/captures?${query}`, { signal: stop.signal });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        made.push(value);
        if (made.isFull) stop.abort();
      }
    } catch (thrown) {
      if (!stop.signal.aborted) setError(ApiError.from(thrown));
    } finally {
      setRunning(undefined);
    }
  };
  return (
    <>
      <div className="screen-head">
        <h1>Capture</h1>
      </div>
      <Panel>
        <form className="capture-form" onSubmit={event => void start(event)}>
          <label className="field">
            Where
            <select
              value={first ?? ''}
              onChange={event => setPoint(event.target.value)}
              disabled={running !== undefined}
            >
              {point && !groups.some(({ points }) => points.includes(point)) && <option>{point}</option>}
              {groups.map(({ title, points }) => (
                <optgroup key={title} label={title}>
                  {points.map(each => (
                    <option key={each}>{each}</option>
                  ))}
                </optgroup>
              ))}
            </select>
          </label>
          <label className="field grow">
            Filter
            <input
              className="mono"
              value={filter}
              placeholder="icmp or arp"
              spellCheck={false}
              autoCapitalize="off"
              disabled={running !== undefined}
              onChange={event => setFilter(event.target.value)}
            />
          </label>
          <button type="submit" className={running ? 'button' : 'button primary'} disabled={!first}>
            <Icon name={running ? 'stop' : 'play'} />
            {running ? 'Stop' : 'Start'}
          </button>
          <button
            type="button"
            className="button"
            disabled={!recording || recording.packets === 0}
            onClick={() =>
              recording && download(recording.file(), `${(first ?? 'capture').replace(/\W+/g, '-')}.pcapng`)
            }
          >
            <Icon name="download" />
            Save as pcapng
          </button>
        </form>
        {error && <ErrorNote error={error} />}
      </Panel>
      <div style={{ height: 12 }} />
      {recording ? (
        <Packets
          recording={recording}
          isRunning={running !== undefined}
          chosen={chosen}
          onChoose={setChosen}
        />
      ) : (
        <p className="empty">
          Choose a place and start: a NIC, a link, all frames of a host, or the air around a radio.
          <br />
          Filters are as in tcpdump. Wireshark opens what is saved.
        </p>
      )}
    </>
  );
}

function Packets({
  recording,
  isRunning,
  chosen,
  onChoose,
}: {
  recording: Recording;
  isRunning: boolean;
  chosen: PacketRow | undefined;
  onChoose: (row: PacketRow) => void;
}) {
  const [, redraw] = useState(0);
  const frame = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => redraw(count => count + 1), DRAW_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  const { rows, packets, bytes, dropped, reason, isFull } = recording;
  useEffect(() => {
    if (isAtEnd.current && frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [rows]);
  return (
    <Panel
      title="Packets"
      flush
      actions={
        <span className="muted num" role="status">
          {packets} packets, {formatBytes(bytes)}
          {dropped > 0 && <span className="warn">, {dropped} lost</span>}
          {isFull ? ', full' : isRunning ? ', running' : reason ? `, ended: ${reason}` : ', stopped'}
        </span>
      }
    >
      <div
        ref={frame}
        className="packets"
        tabIndex={0}
        role="region"
        aria-label="Packets, the latest last"
        onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
          isAtEnd.current = scrollTop + clientHeight > scrollHeight - 8;
        }}
      >
        <table className="grid">
          <thead>
            <tr>
              <th scope="col" className="num">
                No.
              </th>
              <th scope="col" className="num">
                Time
              </th>
              <th scope="col">Way</th>
              <th scope="col" className="num">
                Bytes
              </th>
              <th scope="col">Packet</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(-ROWS_SHOWN).map(row => (
              <tr key={row.number} aria-selected={row === chosen} onClick={() => onChoose(row)}>
                <td className="num">
                  <button type="button" aria-label={`Show the octets of packet ${row.number}`}>
                    {row.number}
                  </button>
                </td>
                <td className="num">{row.at.toFixed(6)}</td>
                <td className={row.direction === 'out' ? 'way-out' : 'way-in'}>{row.direction}</td>
                <td className="num">{row.length}</td>
                <td className="mono">{row.text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {chosen && (
        <pre className="hex" aria-label={`Octets of packet ${chosen.number}`} tabIndex={0}>
          {hexDump(chosen.bytes.subarray(0, 2_048))}
        </pre>
      )}
    </Panel>
  );
}

function pointsOf(known: Partial<Overview>): { title: string; points: string[] }[] {
  return [
    {
      title: 'NICs',
      points: (known.vms ?? []).flatMap(vm => vm.nics.map((_, index) => `${vm.name}/net${index}`)),
    },
    { title: 'Hosts', points: (known.hosts ?? []).map(({ name }) => `host/${name}`) },
    { title: 'Links', points: (known.links ?? []).map(({ name }) => `link/${name}`) },
    {
      title: 'On the air (802.11)',
      points: [
        ...(known.radios ?? []).map(({ id }) => `wlan:${id}`),
        ...(known.accessPoints ?? []).map(({ name }) => `wlan:ap/${name}`),
        ...(known.stations ?? []).map(({ name }) => `wlan:${name}`),
      ],
    },
  ].filter(({ points }) => points.length > 0);
}
