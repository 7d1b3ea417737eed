import type { Accesses } from './shares';
import './devices.css';

const classes = [
  ['open', 'straight to the device'],
  ['shadow', 'noted in the VMM'],
  ['exit', 'the DMM was asked'],
] as const;

/** Shares of accesses by how the VMM treats them. */
export function AccessBar({ accesses, isLegend = false }: { accesses: Accesses; isLegend?: boolean }) {
  const share = (of: (typeof classes)[number][0]) => (accesses.all === 0 ? 0 : accesses[of] / accesses.all);
  const percent = (value: number) =>
    value > 0 && value < 0.001 ? '< 0.1 %' : `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
  const text = classes.map(([name]) => `${name} ${percent(share(name))}`).join(', ');
  return (
    <div className="access">
      <span className="access-bar" role="img" aria-label={text} title={text}>
        {classes.map(([name]) => (
          <i
            key={name}
            data-class={name}
            style={{ flexGrow: share(name), minWidth: accesses[name] > 0 ? 2 : 0 }}
          />
        ))}
      </span>
      {isLegend && (
        <dl className="access-legend">
          {classes.map(([name, meaning]) => (
            <div key={name}>
              <dt>
                <i data-class={name} /> {name}
              </dt>
              <dd>
                <b>{percent(share(name))}</b> {accesses[name].toLocaleString('en')}
                <br />
                <span className="muted">{meaning}</span>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
