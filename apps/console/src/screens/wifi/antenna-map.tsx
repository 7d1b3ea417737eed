import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import type { Station, WifiLink, WifiPosition } from '@v3vee/contracts';
import { plural } from '../../model/quantities';
import { gridStep, linesOf, viewOf, type Antenna } from './map';
import './wifi.css';

const SIZE = 600;
/** How long the arrow keys rest before what they did is sent, ms. */
const REST_MS = 400;
const STEP_M = 1;
const LONG_STEP_M = 10;

const rounded = (metres: number): number => Math.round(metres * 10) / 10;

/**
 * Antennas on the plane: dragging one, or the arrow keys, moves it.
 * @param onMove where it is to be; resolves when it is there
 */
export function AntennaMap({
  antennas,
  links,
  stations,
  whyFixed,
  onMove,
}: {
  antennas: readonly Antenna[];
  links: readonly WifiLink[];
  stations: readonly Station[];
  /** Why nothing may be moved; undefined: it may. */
  whyFixed: string | undefined;
  onMove: (id: string, position: WifiPosition) => Promise<unknown>;
}) {
  const svg = useRef<SVGSVGElement>(null);
  /** What is being moved, and what was and is not yet heard of. */
  const [moved, setMoved] = useState<{ id: string; position: WifiPosition; isHeld: boolean }>();
  const wanted = useMemo(() => viewOf(antennas), [antennas]);
  const held = useRef(wanted);
  // The plane stands still while something is dragged over it.
  if (!moved?.isHeld) held.current = wanted;
  const view = held.current;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const shown = antennas.map(antenna =>
    antenna.id === moved?.id ? { ...antenna, position: moved.position } : antenna,
  );
  const x = (metres: number) => ((metres - view.x) / view.size) * SIZE;
  const y = (metres: number) => SIZE - ((metres - view.y) / view.size) * SIZE;
  const send = (id: string, position: WifiPosition) => {
    void onMove(id, position).finally(() =>
      setMoved(now => (now?.id === id && !now.isHeld ? undefined : now)),
    );
  };
  const placeOf = (event: PointerEvent): WifiPosition => {
    const { left, top, width } = (svg.current as SVGSVGElement).getBoundingClientRect();
    const scale = view.size / width;
    return [
      rounded(view.x + (event.clientX - left) * scale),
      rounded(view.y + view.size - (event.clientY - top) * scale),
    ];
  };
  const byKey = (event: KeyboardEvent, { id, position }: Antenna) => {
    const step = event.shiftKey ? LONG_STEP_M : STEP_M;
    const by = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[
      event.key
    ];
    if (!by || !position || whyFixed !== undefined) return;
    event.preventDefault();
    const next: WifiPosition = [rounded(position[0] + by[0]!), rounded(position[1] + by[1]!)];
    setMoved({ id, position: next, isHeld: false });
    clearTimeout(timer.current);
    timer.current = setTimeout(() => send(id, next), REST_MS);
  };
  const step = gridStep(view.size);
  const marks = (from: number) =>
    Array.from({ length: Math.floor(view.size / step) + 1 }, (_, n) => (Math.ceil(from / step) + n) * step);

  return (
    <svg
      ref={svg}
      className="antenna-map"
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="group"
      aria-label="Map of antennas, in metres"
    >
      <g aria-hidden="true">
        {marks(view.x).map(metres => (
          <g key={`x${metres}`}>
            <path className="grid-line" d={`M${x(metres)} 0V${SIZE}`} />
            <text className="grid-text" x={x(metres) + 3} y={SIZE - 4}>
              {rounded(metres)}
            </text>
          </g>
        ))}
        {marks(view.y).map(metres => (
          <g key={`y${metres}`}>
            <path className="grid-line" d={`M0 ${y(metres)}H${SIZE}`} />
            <text className="grid-text" x={3} y={y(metres) - 3}>
              {rounded(metres)}
            </text>
          </g>
        ))}
        {linesOf(shown, links, stations).map(({ from, to, snr, isFixed, stations: over }) => {
          const [[ax, ay], [bx, by]] = [from.position as WifiPosition, to.position as WifiPosition];
          return (
            <g key={`${from.id} ${to.id}`} className={over.length > 0 ? 'hears connected' : 'hears'}>
              <path d={`M${x(ax)} ${y(ay)}L${x(bx)} ${y(by)}`} />
              <text x={(x(ax) + x(bx)) / 2} y={(y(ay) + y(by)) / 2 - 5}>
                {Math.round(snr)} dB{isFixed ? ' fixed' : ''}
              </text>
            </g>
          );
        })}
      </g>
      {shown.map(antenna => {
        const { id, kind, position, label } = antenna;
        if (!position) return null;
        const count = stations.filter(
          each => each.status?.accessPoint === id || (kind === 'radio' && each.radio === id),
        ).length;
        return (
          <g
            key={id}
            className={`antenna ${kind}${whyFixed === undefined ? '' : ' fixed'}`}
            transform={`translate(${x(position[0])} ${y(position[1])})`}
            tabIndex={0}
            role="slider"
            aria-label={`${kind === 'radio' ? 'Radio' : 'Access point'} ${label}${whyFixed === undefined ? '; the arrow keys move it' : ''}`}
            aria-readonly={whyFixed !== undefined}
            aria-valuenow={position[0]}
            aria-valuetext={`${position[0]} metres east, ${position[1]} metres north`}
            data-antenna={id}
            onKeyDown={event => byKey(event, antenna)}
            onPointerDown={event => {
              if (whyFixed !== undefined) return;
              event.currentTarget.setPointerCapture(event.pointerId);
              setMoved({ id, position, isHeld: true });
            }}
            onPointerMove={event => {
              if (moved?.isHeld && moved.id === id) setMoved({ id, position: placeOf(event), isHeld: true });
            }}
            onPointerUp={event => {
              if (!moved?.isHeld) return;
              const next = placeOf(event);
              setMoved({ id, position: next, isHeld: false });
              send(id, next);
            }}
            onPointerCancel={() => setMoved(undefined)}
          >
            <circle r={16} className="grip" />
            {kind === 'radio' ? <rect x={-8} y={-8} width={16} height={16} rx={3} /> : <circle r={9} />}
            <path className="waves" d="M-3.5 -1.5a5 5 0 0 1 7 0M-1.5 1a2.4 2.4 0 0 1 3 0" />
            <text y={28}>{label}</text>
            <text y={41} className="where">
              {position[0]}, {position[1]}
              {count > 0 && ` · ${plural(count, 'station')}`}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
