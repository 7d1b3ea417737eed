import { drawPlots } from './plot';
import type { Figure, LabResult, LabRow } from './result';

const number = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);

const spread = (f: Figure): string => `${number(f.median)} (${number(f.min)}–${number(f.max)}, n=${f.n})`;

const ratioOf = ({ ratio, ratioSpread }: LabRow): string => {
  if (ratio === null) return '—';
  const spread = ratioSpread && ` (${ratioSpread.min.toFixed(2)}–${ratioSpread.max.toFixed(2)})`;
  return `${ratio.toFixed(3)}${spread ?? ''}`;
};

const verdict = (row: LabRow): string =>
  row.target
    ? `${row.target.op} ${row.target.value} ${row.holds === null ? '?' : row.holds ? 'holds' : 'MISSED'}`
    : '';

/** The result as a table for people: claim, baseline, ours, ratio, target. */
export function formatTable({ lab, results }: LabResult): string {
  const head = ['measurement', 'unit', 'baseline', 'ours', 'ratio', 'target', 'published claim'];
  const lines = results.map(row => [
    row.name,
    row.unit,
    row.baseline ? `${row.baseline.name}: ${spread(row.baseline)}` : '—',
    row.skipped === undefined ? spread(row.ours) : `skipped: ${row.skipped}`,
    ratioOf(row),
    verdict(row),
    row.claim ?? '',
  ]);
  const widths = head.map((title, i) =>
    Math.max(title.length, ...lines.map(line => (line[i] as string).length)),
  );
  const format = (line: string[]) =>
    line
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd();
  return [`lab ${lab}`, format(head), ...lines.map(format)].join('\n');
}

const escape = (text: string): string => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

/** A bar for each figure with its spread as a whisker; each row has its own scale, because units differ. Then the plots. */
export function formatSvg({ lab, results, plots = [] }: LabResult): string {
  const width = 900;
  const left = 190;
  const rowHeight = 84;
  const drawn = drawPlots(plots, 40 + results.length * rowHeight, escape);
  const height = drawn.end;
  const body = results.map((row, index) => {
    const y = 40 + index * rowHeight;
    const figures = [row.baseline, row.ours].filter(f => f !== null && f.n > 0) as Figure[];
    const most = Math.max(0, ...figures.map(f => f.max));
    const scale = most > 0 ? (width - left - 150) / most : 0;
    const bars = figures.map((f, i) => {
      const top = y + 28 + i * 24;
      const x = (value: number) => (left + value * scale).toFixed(1);
      const colour = f === row.ours ? '#2563eb' : '#94a3b8';
      return (
        `<rect x="${left}" y="${top}" width="${(f.median * scale).toFixed(1)}" height="18" fill="${colour}"/>` +
        `<path d="M${x(f.min)} ${top + 9}H${x(f.max)}M${x(f.min)} ${top + 4}v10M${x(f.max)} ${top + 4}v10" stroke="#0f172a" fill="none"/>` +
        `<text x="${left - 8}" y="${top + 13}" text-anchor="end" fill="#475569">${escape(f.name)}</text>` +
        `<text x="${(left + f.max * scale + 6).toFixed(1)}" y="${top + 13}">${number(f.median)} ${escape(row.unit)}</text>`
      );
    });
    const why = row.skipped === undefined ? '' : ` (skipped: ${row.skipped})`;
    return `<text x="8" y="${y + 20}" font-weight="600">${escape(row.name + why)}</text>${bars.join('')}`;
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="${width}" height="${height}" fill="#fff"/><text x="8" y="22" font-size="15" font-weight="700">${escape(lab)}</text>` +
    `${body.join('')}${drawn.svg}</svg>\n`
  );
}
