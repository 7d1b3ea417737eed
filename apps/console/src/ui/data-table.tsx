import { useState, type ReactNode } from 'react';

export interface Column<T> {
  title: string;
  cell: (item: T) => ReactNode;
  /** What it is sorted by; without it the column can't be. */
  by?: (item: T) => string | number;
  isNumber?: boolean;
  className?: string;
}

/** Rows of a list; a click on a title sorts by it. */
export function DataTable<T>({
  label,
  items,
  columns,
  keyOf,
  empty,
}: {
  label: string;
  items: readonly T[] | undefined;
  columns: readonly Column<T>[];
  keyOf: (item: T) => string;
  /** What to say, and to do, where there is nothing. */
  empty: ReactNode;
}) {
  const [order, setOrder] = useState<{ title: string; isDown: boolean }>();
  if (items === undefined) return <p className="empty">Loading…</p>;
  if (items.length === 0) return <div className="empty">{empty}</div>;
  const by = columns.find(({ title }) => title === order?.title)?.by;
  const rows = by ? [...items].sort((a, b) => compare(by(a), by(b)) * (order?.isDown ? -1 : 1)) : items;
  return (
    <table className="grid" aria-label={label}>
      <thead>
        <tr>
          {columns.map(({ title, by: sortable, isNumber }) => (
            <th
              key={title}
              scope="col"
              className={isNumber ? 'num' : undefined}
              aria-sort={order?.title === title ? (order.isDown ? 'descending' : 'ascending') : undefined}
            >
              {sortable ? (
                <button
                  type="button"
                  onClick={() => setOrder({ title, isDown: order?.title === title && !order.isDown })}
                >
                  {title}
                  {order?.title === title && (order.isDown ? ' ↓' : ' ↑')}
                </button>
              ) : title.startsWith('_') ? (
                <span className="visually-hidden">{title.slice(1)}</span>
              ) : (
                title
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(item => (
          <tr key={keyOf(item)}>
            {columns.map(({ title, cell, isNumber, className }) => (
              <td key={title} className={isNumber ? 'num' : className}>
                {cell(item)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number'
    ? a - b
    : String(a).localeCompare(String(b), undefined, { numeric: true });
