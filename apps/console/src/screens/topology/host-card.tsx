import type { Host } from '@v3vee/contracts';
import { useHostActions } from '../hosts/use-host-actions';
import { href } from '../../router';
import { formatMiB } from '../../model/quantities';
import { MenuButton } from '../../ui/menu';
import { Meter } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import type { HostBox } from './layout';

export function HostCard({ box, className }: { box: HostBox; className: string }) {
  const { host, x, y, w, h } = box;
  const { items, dialog } = useHostActions(host);
  return (
    <section
      className={className}
      style={{ left: x, top: y, width: w, height: h }}
      aria-label={`Host ${host.name}`}
    >
      <div className="host-head">
        <div>
          <a href={href('hosts', host.name)}>{host.name}</a>
          {host.state !== 'READY' && <StateBadge state={host.state} reason={host.reason} />}
          {host.cordoned && <span className="tag warn">cordoned</span>}
          <MenuButton label={`Actions of host ${host.name}`} items={items} />
        </div>
        <Load host={host} />
      </div>
      {dialog}
    </section>
  );
}

function Load({ host }: { host: Host }) {
  const used = host.memoryMiB - host.memoryFreeMiB;
  return (
    <div className="host-load">
      <Meter
        share={used / host.memoryMiB}
        label={`${formatMiB(used)} of ${formatMiB(host.memoryMiB)} memory taken`}
      />
      <span>{formatMiB(host.memoryFreeMiB)} free</span>
      <span>
        {host.coresFree} of {host.cores} cores free
      </span>
    </div>
  );
}
