export interface Column<T> {
  title: string;
  value: (item: T) => string | number;
  /** Shown by `-o wide` only. */
  wide?: boolean;
  /** Colours a cell; must not change its width. */
  paint?: (text: string) => string;
}

/** Columns as wide as their widest cell, two spaces between, as kubectl prints them. */
export function formatTable<T>(items: readonly T[], columns: readonly Column<T>[]): string {
  const rows = items.map(item => columns.map(column => clean(String(column.value(item))) || '-'));
  const widths = columns.map(({ title }, i) =>
    Math.max(title.length, ...rows.map(row => width(row[i] ?? ''))),
  );
  const line = (cells: string[], paint: (text: string, i: number) => string) =>
    cells
      .map((cell, i) => paint(cell, i) + ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(cell))))
      .join('  ')
      .trimEnd();
  const head = line(
    columns.map(column => column.title),
    text => text,
  );
  return [head, ...rows.map(row => line(row, (text, i) => columns[i]?.paint?.(text) ?? text))].join('\n');
}

/** Names and values under each other, for one item. */
export function formatFields<T>(item: T, columns: readonly Column<T>[]): string {
  const titles = columns.map(({ title }) => `${title[0]}${title.slice(1).toLowerCase()}:`);
  const widest = Math.max(...titles.map(title => title.length));
  return columns
    .map((column, i) => {
      const text = clean(String(column.value(item))) || '-';
      return `${titles[i]?.padEnd(widest)}  ${column.paint?.(text) ?? text}`;
    })
    .join('\n');
}

/** What a guest or a file said must not steer the terminal (escape sequences) or break the line. */
export function clean(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ').trim();
}

function width(text: string): number {
  return [...text].length;
}
