import { useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { Migration, VnetRoute } from '@v3vee/contracts';
import { useApp, useOverview, useRates } from '../../app-context';
import { useMigrate } from '../../migration/use-migrate';
import { formatBitRate, plural } from '../../model/quantities';
import { href } from '../../router';
import { Icon } from '../../ui/icon';
import { StateBadge } from '../../ui/state-badge';
import { madeRoutes } from '../networks/places';
import { HostCard } from './host-card';
import { layoutOf, type Chip, type Hanging, type HostBox, type Layout } from './layout';
import { useVmDrag } from './use-vm-drag';
import { VmRowView } from './vm-row';
import { Trunks, trunkTraffic, Wires, type Traffic } from './wires';
import './topology.css';

const PARTS = [
  'hosts',
  'vms',
  'telemetry',
  'networks',
  'links',
  'routes',
  'devices',
  'radios',
  'accessPoints',
  'stations',
  'migrations',
] as const;

export function TopologyScreen() {
  const sight = useOverview(PARTS);
  const rates = useRates(sight);
  const { toasts } = useApp();
  const migrate = useMigrate();
  const { known } = sight;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const layout = useMemo(
    () =>
      layoutOf(
        {
          hosts: known.hosts ?? [],
          vms: known.vms ?? [],
          networks: known.networks ?? [],
          links: known.links ?? [],
          devices: known.devices ?? [],
          radios: known.radios ?? [],
          accessPoints: known.accessPoints ?? [],
          stations: known.stations ?? [],
        },
        width,
      ),
    [known, width],
  );
  const traffic: Traffic = useMemo(
    () =>
      new Map(
        [...rates.values()].flatMap(({ vm, nics }) => nics.map(nic => [`${vm}/${nic.name}`, nic] as const)),
      ),
    [rates],
  );
  const { canvas, drag, handlers } = useVmDrag(layout, (vm, host) => {
    migrate(vm.name, { host }).catch((thrown: unknown) =>
      toasts.fail(`Migrate ${vm.name} to ${host}`, thrown),
    );
  });
  const moving = new Map(
    known.migrations?.filter(each => each.endedAt === null).map(each => [each.vm, each]),
  );
  const running = known.vms?.filter(({ state }) => state === 'RUNNING').length;
  return (
    <>
      <div className="screen-head">
        <h1>Topology</h1>
        {known.vms && (
          <span className="muted">
            {running} of {plural(known.vms.length, 'virtual machine')} running on{' '}
            {plural(known.hosts?.length ?? 0, 'host')}
          </span>
        )}
      </div>
      <p className="visually-hidden">
        A virtual machine’s menu has all that can be done with it, migration to another host too.
      </p>
      <div ref={frame} className="topology-scroll">
        {known.hosts && known.hosts.length === 0 && (
          <p className="empty">
            There are no hosts yet. <code>./v3 apply -f cluster.yaml</code> makes some.
          </p>
        )}
        <div ref={canvas} className="topology" style={{ width: layout.width, height: layout.height }}>
          <Wires layout={layout} />
          {layout.hosts.map(box => (
            <HostCard key={box.host.name} box={box} className={hostClass(box, drag)} />
          ))}
          <Trunks layout={layout} traffic={traffic} />
          {layout.hosts.flatMap(box => [
            ...box.rows.map(row => (
              <VmRowView
                key={row.vm.id}
                row={row}
                rate={rates.get(row.vm.name)}
                isDragged={drag?.vm.id === row.vm.id}
                handlers={handlers}
                note={noteOf(moving.get(row.vm.name))}
              />
            )),
            ...box.chips.map(chip => <ChipView key={chip.id} chip={chip} known={known} />),
          ])}
          <BusLabels layout={layout} traffic={traffic} routes={known.routes ?? []} />
          {layout.hanging.map(node => (
            <HangingView key={`${node.kind} ${node.name}`} node={node} known={known} />
          ))}
          {drag && (
            <div className="drag-ghost" style={{ left: drag.x + 10, top: drag.y + 8 }} role="status">
              <strong>{drag.vm.name}</strong>{' '}
              <span className="muted">
                {drag.over && drag.over !== drag.vm.host
                  ? `migrate to ${drag.over}`
                  : 'drop it on another host'}
              </span>
            </div>
          )}
        </div>
      </div>
    </>
  );
}

const noteOf = (migration: Migration | undefined): string | undefined =>
  migration && `migrating to ${migration.target}: ${migration.phase.toLowerCase()}`;

function hostClass({ host }: HostBox, drag: ReturnType<typeof useVmDrag>['drag']): string {
  const canTake = drag && drag.vm.host !== host.name && host.state === 'READY' && !host.cordoned;
  return [
    'host-box',
    host.state === 'READY' ? '' : 'not-ready',
    canTake ? (drag.over === host.name ? 'takes' : 'can-take') : '',
  ]
    .filter(Boolean)
    .join(' ');
}

type Known = ReturnType<typeof useOverview>['known'];

function ChipView({ chip: { kind, id, x, y, w, h }, known }: { chip: Chip; known: Known }) {
  const style = { left: x, top: y, width: w, height: h };
  if (kind === 'device') {
    const device = known.devices?.find(({ name }) => name === id);
    return (
      <a className="chip-row" style={style} href={href('devices', id)}>
        <Icon name="device" />
        {device?.nic} <span className="tag">{device?.model}</span>
        <span className="muted">{device?.holder ? `held by ${device.holder}` : 'free'}</span>
      </a>
    );
  }
  const radio = known.radios?.find(each => each.id === id);
  return (
    <a className="chip-row" style={style} href={href('wifi')}>
      <Icon name="antenna" />
      {radio?.name}
      <span className="muted">
        {radio?.status ? `channel ${radio.status.tuned.join(', ') || '–'}` : 'no answer'}
      </span>
    </a>
  );
}

function HangingView({ node, known }: { node: Hanging; known: Known }) {
  const { kind, name, x, y, w, h } = node;
  const style = { left: x, top: y, width: w, height: h };
  if (kind === 'link') {
    const link = known.links?.find(each => each.name === name);
    return (
      <a className="hanging" style={style} href={href('networks', 'links')} title={link?.reason}>
        <b>
          {name} <StateBadge state={link?.state ?? 'UNKNOWN'} />
        </b>
        <small>
          {link?.type} to {link?.remote}:{link?.remotePort}
        </small>
      </a>
    );
  }
  const point = known.accessPoints?.find(each => each.name === name);
  return (
    <a className="hanging" style={style} href={href('wifi')} title={point?.reason}>
      <b>
        <Icon name="wifi" /> {point?.ssid} <StateBadge state={point?.state ?? 'UNKNOWN'} />
      </b>
      <small>
        channel {point?.channel}, {plural(point?.stations.length ?? 0, 'station')}
      </small>
    </a>
  );
}

/** Labels are right of all lanes of their host, so that they cover none. */
const lastLane = ({ trunks }: Layout, host: string): number =>
  Math.max(...trunks.filter(trunk => trunk.host === host).map(({ x }) => x));

function BusLabels({
  layout,
  traffic,
  routes,
}: {
  layout: Layout;
  traffic: Traffic;
  routes: readonly VnetRoute[];
}) {
  const made = madeRoutes(routes);
  return (
    <>
      {layout.buses.map(({ network, y, colour }) => (
        <span key={network.name} className="bus-label" style={{ right: 0, top: y - 4 }}>
          <b style={{ color: `var(--net-${colour})` }}>{network.name}</b>{' '}
          <span className="muted">{network.subnet ?? 'no subnet'}</span>
          {made.has(network.name) && (
            <>
              {' '}
              <a href={href('networks', 'routes')}>{plural(made.get(network.name) as number, 'route')}</a>
            </>
          )}
        </span>
      ))}
      {layout.trunks.map(trunk => {
        const { up, down } = trunkTraffic(trunk, traffic);
        return (
          <span
            key={`${trunk.host} ${trunk.network}`}
            className="trunk-label"
            style={{ left: lastLane(layout, trunk.host) + 7, top: trunk.bottom - 21 }}
            title={`NICs of ${trunk.host} on ${trunk.network}: ${formatBitRate(up)} sent, ${formatBitRate(down)} received`}
          >
            ↑ {formatBitRate(up)} ↓ {formatBitRate(down)}
          </span>
        );
      })}
    </>
  );
}

/** Of an element, as it changes. */
function useWidth(element: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(960);
  useLayoutEffect(() => {
    const watched = element.current as HTMLElement;
    const observer = new ResizeObserver(() => setWidth(watched.clientWidth - 6));
    observer.observe(watched);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
