import { useOverview } from '../../app-context';
import { formatBytes, formatCount } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';

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

const yesNo = (is: boolean) => (is ? 'yes' : <span className="muted">no</span>);

function Networks() {
  const { known } = useOverview(['networks']);
  return (
    <Panel flush>
      <DataTable
        label="Networks"
        items={known.networks}
        keyOf={({ id }) => id}
        empty={
          <>
            There are none. <code>./v3 network create lab --subnet 10.20.0.0/24</code> makes one.
          </>
        }
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          { title: 'Subnet', cell: each => <span className="mono">{each.subnet ?? '–'}</span> },
          { title: 'NICs', isNumber: true, by: each => each.nics, cell: each => each.nics },
          { title: 'DHCP', cell: each => yesNo(each.dhcp) },
          { title: 'DNS', cell: each => yesNo(each.dns) },
          { title: 'Services at', cell: each => <span className="mono">{each.serviceAddress ?? '–'}</span> },
        ]}
      />
    </Panel>
  );
}

function Interfaces() {
  const { known } = useOverview(['interfaces']);
  return (
    <Panel flush>
      <DataTable
        label="Interfaces"
        items={known.interfaces}
        keyOf={({ vm, name }) => `${vm}/${name}`}
        empty="No virtual machine has a NIC."
        columns={[
          {
            title: 'Interface',
            by: each => `${each.vm}/${each.name}`,
            cell: each => <a href={href('vms', each.vm, 'nics')}>{`${each.vm}/${each.name}`}</a>,
          },
          { title: 'Network', by: each => each.network, cell: each => each.network },
          { title: 'Host', by: each => each.host, cell: each => each.host },
          { title: 'MAC', cell: each => <span className="mono">{each.mac}</span> },
          {
            title: 'Attached',
            cell: each =>
              each.attached === null ? <span className="muted">unknown</span> : yesNo(each.attached),
          },
          { title: 'Mode', by: each => each.settings.mode, cell: each => each.settings.mode },
          { title: 'Spoof guard', cell: each => yesNo(each.settings.spoofGuard) },
          { title: 'Cable', cell: each => <StateBadge state={each.settings.linkUp ? 'UP' : 'DOWN'} /> },
          {
            title: 'Impairment',
            cell: each =>
              each.settings.impairment ? (
                <span className="tag warn">impaired</span>
              ) : (
                <span className="muted">–</span>
              ),
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <a className="button quiet" href={href('capture', `${each.vm}/${each.name}`)}>
                Capture
              </a>
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Routes() {
  const { known } = useOverview(['routes']);
  return (
    <Panel flush>
      <DataTable
        label="Routes"
        items={known.routes}
        keyOf={route => `${route.index ?? ''} ${route.text} ${route.network}`}
        empty="There are no routes."
        columns={[
          {
            title: 'Index',
            isNumber: true,
            by: each => each.index ?? 0,
            cell: each => each.index ?? <span className="muted">auto</span>,
          },
          { title: 'Network', by: each => each.network, cell: each => each.network },
          { title: 'Source', cell: each => <span className="mono">{each.source}</span> },
          {
            title: 'Destination',
            by: each => each.destination,
            cell: each => <span className="mono">{each.destination}</span>,
          },
          { title: 'To', cell: each => <span className="mono">{each.to}</span> },
          { title: 'From', cell: each => <span className="mono">{each.from}</span> },
        ]}
      />
    </Panel>
  );
}

function Links() {
  const { known } = useOverview(['links']);
  return (
    <Panel flush>
      <DataTable
        label="Links"
        items={known.links}
        keyOf={({ index }) => String(index)}
        empty={
          <>
            No link leads outside. <code>./v3 vnet link add ADDRESS --network lan</code> adds one.
          </>
        }
        columns={[
          { title: 'Name', by: each => each.name, cell: each => each.name },
          {
            title: 'State',
            by: each => each.state,
            cell: each => <StateBadge state={each.state} reason={each.reason} />,
          },
          { title: 'Type', cell: each => each.type },
          { title: 'Network', by: each => each.network, cell: each => each.network },
          {
            title: 'Peer',
            cell: each => <span className="mono">{`${each.remote}:${each.remotePort}`}</span>,
          },
          { title: 'MTU', isNumber: true, cell: each => each.mtu },
          {
            title: 'Received',
            isNumber: true,
            cell: each => (each.counters ? formatBytes(each.counters.receiveBytes) : '–'),
          },
          {
            title: 'Sent',
            isNumber: true,
            cell: each => (each.counters ? formatBytes(each.counters.transmitBytes) : '–'),
          },
          {
            title: 'Learned',
            isNumber: true,
            cell: each => <span title={each.learned.join('\n')}>{each.learned.length}</span>,
          },
          { title: 'Reason', className: 'reason', cell: each => each.reason },
          {
            title: '_Actions',
            className: 'acts',
            cell: each => (
              <a className="button quiet" href={href('capture', `link/${each.name}`)}>
                Capture
              </a>
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Counters() {
  const { known } = useOverview(['overlay']);
  const { overlay } = known;
  if (!overlay) return <p className="empty">Loading…</p>;
  const sources = [
    ...overlay.cores.map(({ host, cached, counters }) => ({
      name: `core of ${host}`,
      counters: { cached, ...counters },
    })),
    ...(overlay.router ? [{ name: 'router', counters: overlay.router }] : []),
  ];
  return (
    <div className="columns">
      {sources.map(({ name, counters }) => (
        <Panel key={name} title={name} flush>
          <DataTable
            label={name}
            items={Object.entries(counters)}
            keyOf={([counter]) => counter}
            empty="It has counted nothing."
            columns={[
              { title: 'Counter', by: ([counter]) => counter, cell: ([counter]) => counter },
              {
                title: 'Count',
                isNumber: true,
                by: ([, count]) => count,
                cell: ([, count]) => formatCount(count),
              },
            ]}
          />
        </Panel>
      ))}
    </div>
  );
}
