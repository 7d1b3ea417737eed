import { href } from '../../router';
import type { ScreenProps } from '../screen';
import { Counters } from './counters';
import { Interfaces } from './interfaces';
import { Links } from './links';
import { Networks } from './networks';
import { Routes } from './routes';

const tabs = [
  ['networks', 'Networks'],
  ['interfaces', 'Interfaces'],
  ['routes', 'Routes'],
  ['links', 'Links'],
  ['counters', 'Counters'],
] as const;

export function NetworksScreen({ path: [tab = 'networks'] }: ScreenProps) {
  return (
    <>
      <div className="screen-head">
        <h1>Overlay networks</h1>
      </div>
      <nav className="tabs" aria-label="Of the overlay" style={{ marginBottom: 12 }}>
        {tabs.map(([id, title]) => (
          <a key={id} href={href('networks', id)} aria-current={id === tab ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {tab === 'networks' && <Networks />}
      {tab === 'interfaces' && <Interfaces />}
      {tab === 'routes' && <Routes />}
      {tab === 'links' && <Links />}
      {tab === 'counters' && <Counters />}
    </>
  );
}
