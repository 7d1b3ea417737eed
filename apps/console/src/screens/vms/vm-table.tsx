import type { Vm } from '@v3vee/contracts';
import { useNow, useOverview, useRates } from '../../app-context';
import { formatAge, formatMiB, formatPercent, formatRate } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { MenuButton } from '../../ui/menu';
import { StateBadge } from '../../ui/state-badge';
import { useVmActions } from '../../vm-actions/use-vm-actions';

export function VmTable({ vms, label }: { vms: readonly Vm[] | undefined; label: string }) {
  const rates = useRates(useOverview(['telemetry']));
  const now = useNow();
  return (
    <DataTable
      label={label}
      items={vms}
      keyOf={vm => vm.id}
      empty={
        <>
          There are none. <span className="mono">./v3 vm create NAME --host HOST</span> defines one.
        </>
      }
      columns={[
        { title: 'Name', by: vm => vm.name, cell: vm => <a href={href('vms', vm.name)}>{vm.name}</a> },
        {
          title: 'State',
          by: vm => vm.state,
          cell: vm => <StateBadge state={vm.state} reason={vm.reason} />,
        },
        { title: 'Host', by: vm => vm.host, cell: vm => <a href={href('hosts', vm.host)}>{vm.host}</a> },
        {
          title: 'CPU',
          isNumber: true,
          by: vm => rates.get(vm.name)?.busy ?? -1,
          cell: vm => <Rate value={rates.get(vm.name)?.busy} format={formatPercent} />,
        },
        {
          title: 'Exits',
          isNumber: true,
          by: vm => rates.get(vm.name)?.exits ?? -1,
          cell: vm => <Rate value={rates.get(vm.name)?.exits} format={formatRate} />,
        },
        { title: 'Memory', isNumber: true, by: vm => vm.memoryMiB, cell: vm => formatMiB(vm.memoryMiB) },
        {
          title: 'Addresses',
          cell: vm => (
            <span className="mono nowrap">
              {[...vm.nics, ...vm.wifi].flatMap(({ ips }) => ips.map(ip => ip.split('/')[0])).join(', ') ||
                '–'}
            </span>
          ),
        },
        {
          title: 'Up',
          isNumber: true,
          by: vm => (vm.startedAt ? -Date.parse(vm.startedAt) : 0),
          cell: vm => (vm.startedAt ? formatAge(vm.startedAt, now) : '–'),
        },
        { title: 'Reason', className: 'reason', cell: vm => vm.reason },
        { title: '_Actions', className: 'acts', cell: vm => <VmMenu vm={vm} /> },
      ]}
    />
  );
}

function Rate({ value, format }: { value: number | undefined; format: (value: number) => string }) {
  return value === undefined ? <span className="muted">–</span> : format(value);
}

function VmMenu({ vm }: { vm: Vm }) {
  const { items, dialog } = useVmActions(vm);
  return (
    <>
      <MenuButton label={`Actions of ${vm.name}`} items={items} />
      {dialog}
    </>
  );
}
