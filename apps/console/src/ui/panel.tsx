import { useId, type ReactNode } from 'react';

export function Panel({
  title,
  actions,
  children,
  flush = false,
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  /** Without padding, for tables. */
  flush?: boolean;
}) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <div className="panel-head">
          <h2 id={id}>{title}</h2>
          {actions && <div className="row">{actions}</div>}
        </div>
      )}
      <div className={flush ? 'scroll-x' : 'panel-body'}>{children}</div>
    </section>
  );
}

export function Facts({ items }: { items: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {items.map(([term, value]) => (
        <FactRow key={term} term={term} value={value} />
      ))}
    </dl>
  );
}

function FactRow({ term, value }: { term: string; value: ReactNode }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>{value ?? <span className="muted">–</span>}</dd>
    </>
  );
}

export function Stats({ items }: { items: readonly (readonly [string, ReactNode, string?])[] }) {
  return (
    <dl className="stats">
      {items.map(([term, value, unit]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>
            {value} {unit && <small>{unit}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** @param share 0 to 1 */
export function Meter({
  share,
  label,
  isHigh = share > 0.85,
}: {
  share: number;
  label: string;
  isHigh?: boolean;
}) {
  const percent = Math.round(100 * Math.min(1, Math.max(0, share)));
  return (
    <span
      className={isHigh ? 'meter high' : 'meter'}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      title={label}
    >
      <i style={{ transform: `scaleX(${percent / 100})` }} />
    </span>
  );
}
