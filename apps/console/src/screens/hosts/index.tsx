import type { Host, Vm } from '@v3vee/contracts';
import { useMay, useNow, useOverview } from '../../app-context';
import { formatAge, formatMiB } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { Facts, Meter, Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { ScreenProps } from '../screen';
import { VmTable } from '../vms/vm-table';
import { KernelPanels } from './kernel-panels';
import { useHostActions } from './use-host-actions';

export function HostsScreen({ path: [name] }: ScreenProps) {
  return name === undefined ? <HostList /> : <HostDetail name={name} />;
}

function HostList() {
  const { known } = useOverview(['hosts']);
  return (
    <>
      <div className="screen-head">
        <h1>Hosts</h1>
      </div>
      <Panel flush>
        <DataTable
          label="Hosts"
          items={known.hosts}
          keyOf={host => host.name}
          empty={
            <>
              There are no hosts yet. <code>./v3 apply -f cluster.yaml</code> makes some.
            </>
          }
          columns={[
            {
              title: 'Name',
              by: host => host.name,
              cell: host => <a href={href('hosts', host.name)}>{host.name}</a>,
            },
            { title: 'State', by: host => host.state, cell: host => <HostState host={host} /> },
            { title: 'Memory', by: host => host.memoryFreeMiB, cell: host => <Memory host={host} /> },
            { title: 'Cores', by: host => host.coresFree, cell: host => <Cores host={host} /> },
            { title: 'VMs', isNumber: true, by: host => host.vms, cell: host => host.vms },
            { title: 'Cards', isNumber: true, cell: host => host.nics.length },
            { title: 'Radios', isNumber: true, cell: host => host.radios.length },
            { title: 'Lease', cell: host => <StateBadge state={host.lease} /> },
            { title: 'Reason', className: 'reason', cell: host => host.reason },
            { title: '_Actions', className: 'acts', cell: host => <HostMenu host={host} /> },
          ]}
        />
      </Panel>
    </>
  );
}

function HostState({ host }: { host: Host }) {
  return (
    <span className="row">
      <StateBadge state={host.state} reason={host.reason} />
      {host.cordoned && <span className="tag warn">cordoned</span>}
    </span>
  );
}

function Memory({ host }: { host: Host }) {
  const used = host.memoryMiB - host.memoryFreeMiB;
  return (
    <span style={{ display: 'grid', gap: 3, minWidth: 130 }}>
      <span className="nowrap">
        {formatMiB(used)} of {formatMiB(host.memoryMiB)}
      </span>
      <Meter share={used / host.memoryMiB} label={`memory of ${host.name} taken`} />
    </span>
  );
}

function Cores({ host }: { host: Host }) {
  const used = host.cores - host.coresFree;
  return (
    <span style={{ display: 'grid', gap: 3, minWidth: 80 }}>
      <span className="nowrap">
        {used} of {host.cores}
      </span>
      <Meter share={used / host.cores} label={`cores of ${host.name} taken`} />
    </span>
  );
}

function HostMenu({ host }: { host: Host }) {
  const { items, dialog } = useHostActions(host);
  return (
    <>
      <MenuButton label={`Actions of host ${host.name}`} items={items} />
      {dialog}
    </>
  );
}

function HostDetail({ name }: { name: string }) {
  const { known } = useOverview(['hosts', 'vms']);
  const now = useNow();
  const may = useMay();
  const host = known.hosts?.find(each => each.name === name);
  if (!known.hosts) return <p className="empty">Loading…</p>;
  if (!host) return <p className="empty">There is no host “{name}”.</p>;
  const own = known.vms?.filter(vm => vm.host === name);
  return (
    <>
      <div className="screen-head">
        <a className="crumb" href={href('hosts')}>
          Hosts
        </a>
        <h1>{name}</h1>
        <HostState host={host} />
        <div className="row">
          <HostMenu host={host} />
        </div>
      </div>
      <div className="stack">
        <div className="columns">
          <Panel title="Host kernel (Kitten)">
            <Facts
              items={[
                ['State', host.reason],
                ['Memory', <Memory key="m" host={host} />],
                ['Largest hole', `${formatMiB(host.memoryLargestHoleMiB)} contiguous`],
                ['Cores', <CoreMap key="c" host={host} vms={own ?? []} />],
                ['Lease', <LeaseView key="l" host={host} now={now} />],
                ['Heard', host.heardAt && `${formatAge(host.heardAt, now)} ago`],
              ]}
            />
          </Panel>
          <Panel title="Physical hardware">
            {host.nics.length + host.radios.length === 0 ? (
              <p className="muted">It has no physical cards and no radios.</p>
            ) : (
              <Facts
                items={[
                  ...host.nics.map(
                    nic =>
                      [
                        nic.name,
                        <a key={nic.name} href={href('devices', `${name}/${nic.name}`)}>
                          {nic.model}
                          {nic.network && `, cable to ${nic.network}`}
                        </a>,
                      ] as const,
                  ),
                  ...host.radios.map(
                    radio =>
                      [
                        radio.name,
                        `radio, ${radio.channels ?? 1} at once, ${radio.txPower ?? 20} dBm`,
                      ] as const,
                  ),
                ]}
              />
            )}
          </Panel>
        </div>
        <Panel title="Virtual machines" flush>
          <VmTable vms={own} label={`Virtual machines of ${name}`} />
        </Panel>
        {may('hostTasks') && host.state === 'READY' && <KernelPanels host={name} />}
      </div>
    </>
  );
}

/** Which core is whose. */
function CoreMap({ host, vms }: { host: Host; vms: readonly Vm[] }) {
  return (
    <span className="core-map">
      {Array.from({ length: host.cores }, (_, core) => {
        const vm = vms.find(each => each.core === core);
        return (
          <span
            key={core}
            className={vm ? 'core taken' : 'core'}
            title={vm ? `core ${core}: ${vm.name}` : `core ${core}: free`}
          >
            {vm ? vm.name : core}
          </span>
        );
      })}
    </span>
  );
}

function LeaseView({ host, now }: { host: Host; now: number }) {
  const left = host.leaseExpiresAt ? (Date.parse(host.leaseExpiresAt) - now) / 1000 : undefined;
  return (
    <span className="row">
      <StateBadge state={host.lease} />
      {left !== undefined && left > 0 && <span className="muted">for another {Math.round(left)} s</span>}
    </span>
  );
}
