import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import './chart.css';

export interface Series {
  label: string;
  /** A custom property of the theme, such as `--net-0`. */
  colour: string;
  values: readonly (number | null)[];
}

const clock = (seconds: number): string => {
  const [hours, minutes, rest] = new Date(seconds * 1000).toTimeString().slice(0, 8).split(':');
  return rest === '00' ? `${hours}:${minutes}` : `${hours}:${minutes}:${rest}`;
};

/** The least that a chart shows, seconds. */
const SHORTEST = 60;

/** A chart over time. @param times seconds since 1970, as many as each series has values */
export function TimeChart({
  label,
  times,
  series,
  format,
  seconds,
  max,
}: {
  label: string;
  times: readonly number[];
  series: readonly Series[];
  format: (value: number) => string;
  /** How much of the past it shows at most. */
  seconds: number;
  /** The top of its scale; none: as high as it must be. */
  max?: number;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const shown = useRef(format);
  shown.current = format;
  const drawn = useRef(series);
  drawn.current = series;
  /** Gives the chart what there is now. */
  const feed = useRef<() => void>(() => undefined);
  feed.current = () => {
    const end = times.at(-1) ?? Math.floor(Date.now() / 1000);
    plot.current?.setData(
      [[...times], ...series.map(({ values }) => [...values])] as uPlot.AlignedData,
      false,
    );
    // Without a pointer over it, its legend tells the latest.
    if (plot.current && typeof plot.current.cursor.idx !== 'number') {
      plot.current.setLegend({ idx: times.length - 1 }, false);
    }
    const span = Math.min(seconds, Math.max(SHORTEST, end - (times[0] ?? end)));
    plot.current?.setScale('x', { min: end - span, max: end });
  };
  /** A chart is drawn anew when it has other lines; else it is only fed. */
  const shape = series.map(each => each.label + each.colour).join();
  useEffect(() => {
    const element = frame.current as HTMLDivElement;
    const css = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
    const draw = () => {
      plot.current?.destroy();
      const axis = {
        stroke: css('--muted'),
        grid: { stroke: css('--line'), width: 1 },
        ticks: { show: false },
        font: `11px ${css('--sans')}`,
      };
      plot.current = new uPlot(
        {
          width: element.clientWidth,
          height: 150,
          padding: [8, 18, 0, 0],
          cursor: { y: false, points: { size: 6 } },
          legend: { show: true, live: true },
          scales: {
            x: { time: true },
            y: { range: (_, low, high) => [0, max ?? Math.max(high, low, 10) * 1.1] },
          },
          axes: [
            { ...axis, space: 70, size: 26, values: (_, ticks) => ticks.map(clock) },
            { ...axis, size: 62, values: (_, ticks) => ticks.map(tick => shown.current(tick)) },
          ],
          series: [
            {},
            ...drawn.current.map(({ label: name, colour }) => ({
              label: name,
              stroke: css(colour),
              width: 1.5,
              fill: drawn.current.length === 1 ? `${css(colour)}22` : undefined,
              points: { show: false },
              value: (_: uPlot, value: number | null) => (value === null ? '–' : shown.current(value)),
            })),
          ],
        },
        [[], ...drawn.current.map(() => [])],
        element,
      );
      feed.current();
    };
    draw();
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: 150 }),
    );
    resized.observe(element);
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    return () => {
      resized.disconnect();
      themed.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, max]);
  useEffect(() => feed.current());
  const latest = series.map(({ label: name, values }) => `${name} ${format(values.at(-1) ?? 0)}`).join(', ');
  return <div ref={frame} className="chart" role="img" aria-label={`${label}: ${latest}`} />;
}
