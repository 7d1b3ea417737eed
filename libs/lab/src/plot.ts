/** Figures of one run along its steps: some strips of bars above each other, over the same steps. */
export interface Plot {
  name: string;
  /** What a step is, and each one's label. */
  steps: { name: string; labels: readonly string[] };
  strips: readonly { name: string; unit: string; values: readonly (number | null)[] }[];
}

const WIDTH = 290;
const STRIP = 46;
const HEAD = 34;
const COLUMNS = 3;
const COLOURS = ['#2563eb', '#0d9488', '#dc2626'];

const heightOf = ({ strips }: Plot): number => HEAD + strips.length * STRIP + 26;

const short = (value: number): string =>
  value >= 10_000 ? `${(value / 1_000).toFixed(0)}k` : value.toFixed(value >= 10 ? 0 : 1);

/** Plots side by side, from `top` on. @returns the drawing and where it ends */
export function drawPlots(
  plots: readonly Plot[],
  top: number,
  escape: (text: string) => string,
): { svg: string; end: number } {
  const parts: string[] = [];
  let end = top;
  for (let first = 0; first < plots.length; first += COLUMNS) {
    const row = plots.slice(first, first + COLUMNS);
    row.forEach((plot, column) => parts.push(drawPlot(plot, 8 + column * (WIDTH + 8), end, escape)));
    end += Math.max(...row.map(heightOf));
  }
  return { svg: parts.join(''), end };
}

function drawPlot(
  { name, steps, strips }: Plot,
  left: number,
  top: number,
  escape: (text: string) => string,
) {
  const cell = (WIDTH - 20) / Math.max(steps.labels.length, 8);
  const x = (index: number) => (left + index * cell).toFixed(1);
  const parts = [`<text x="${left}" y="${top + 16}" font-size="11" font-weight="600">${escape(name)}</text>`];
  strips.forEach((strip, index) => {
    const base = top + HEAD + (index + 1) * STRIP - 6;
    const most = Math.max(...strip.values.map(value => value ?? 0), Number.EPSILON);
    parts.push(
      `<text x="${left}" y="${base - STRIP + 16}" font-size="9" fill="#475569">${escape(`${strip.name}, ${strip.unit}`)}</text>`,
      `<path d="M${left} ${base}h${WIDTH - 20}" stroke="#cbd5e1"/>`,
    );
    strip.values.forEach((value, step) => {
      if (value === null) return;
      const height = (value / most) * (STRIP - 26);
      parts.push(
        `<rect x="${x(step)}" y="${(base - height).toFixed(1)}" width="${Math.max(cell - 3, 1).toFixed(1)}" height="${height.toFixed(1)}" fill="${COLOURS[index % COLOURS.length]}"/>`,
        cell >= 18
          ? `<text x="${x(step)}" y="${(base - height - 2).toFixed(1)}" font-size="8">${short(value)}</text>`
          : '',
      );
    });
  });
  const base = top + HEAD + strips.length * STRIP + 6;
  // Where there are many steps, some of them are named.
  const every = Math.ceil(18 / cell);
  steps.labels.forEach((label, step) => {
    if (step % every === 0 || step === steps.labels.length - 1)
      parts.push(`<text x="${x(step)}" y="${base}" font-size="8" fill="#475569">${escape(label)}</text>`);
  });
  return parts.join('');
}
