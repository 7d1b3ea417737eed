import { useMay } from '../../app-context';
import type { VmRate } from '../../model/rates';
import { formatBitRate, formatPercent } from '../../model/quantities';
import { href } from '../../router';
import { MenuButton } from '../../ui/menu';
import { StateBadge } from '../../ui/state-badge';
import { isAllowed } from '../../vm-actions/allowed';
import { useVmActions } from '../../vm-actions/use-vm-actions';
import type { VmRow } from './layout';
import type { useVmDrag } from './use-vm-drag';

export function VmRowView({
  row,
  rate,
  isDragged,
  handlers,
  note,
}: {
  row: VmRow;
  rate: VmRate | undefined;
  isDragged: boolean;
  handlers: ReturnType<typeof useVmDrag>['handlers'];
  /** What is being done with it, instead of its addresses. */
  note: string | undefined;
}) {
  const { vm, x, y, w, h } = row;
  const may = useMay();
  const { items, dialog } = useVmActions(vm);
  const isMovable = isAllowed('migrate', vm.state) && may('migrateVm');
  const ips = [...vm.nics, ...vm.wifi].flatMap(nic => nic.ips.map(ip => ip.split('/')[0]));
  const bits = rate?.nics.reduce((sum, nic) => sum + nic.receiveBits + nic.transmitBits, 0);
  return (
    <div
      className={isDragged ? 'vm-row dragged' : 'vm-row'}
      style={{ left: x, top: y, width: w, height: h }}
      data-vm={vm.name}
    >
      <a
        href={href('vms', vm.name)}
        className={isMovable ? 'movable' : undefined}
        title={isMovable ? `${vm.reason}\nDrag it onto another host to migrate it` : vm.reason}
        {...handlers(vm, isMovable)}
      >
        <b>
          <StateBadge state={vm.state} />
          {vm.name}
        </b>
        <span className="num">{rate ? formatPercent(rate.busy) : ''}</span>
        <small className={note || vm.state === 'ERROR' || ips.length === 0 ? undefined : 'mono'}>
          {note ?? (vm.state === 'ERROR' ? vm.reason : ips.join(', ') || 'no address')}
        </small>
        <span className="num muted">{bits === undefined ? '' : formatBitRate(bits)}</span>
      </a>
      <MenuButton label={`Actions of ${vm.name}`} items={items} />
      {dialog}
    </div>
  );
}
