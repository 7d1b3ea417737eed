import type { Vm } from '@v3vee/contracts';
import { useApp, useOverview, useRates } from '../../../app-context';
import { formatBitRate, formatBytes, formatCount } from '../../../model/quantities';
import { href } from '../../../router';
import { DataTable } from '../../../ui/data-table';
import { MenuButton } from '../../../ui/menu';
import { Panel } from '../../../ui/panel';
import { StateBadge } from '../../../ui/state-badge';
import type { VmTabProps } from '../tabs';

export function NicsTab({ vm }: VmTabProps) {
  const sight = useOverview(['telemetry'], vm.name);
  const told = sight.known.telemetry?.find(each => each.vm === vm.name);
  const rate = useRates(sight).get(vm.name);
  const rows = vm.nics.map((nic, index) => ({
    ...nic,
    point: `${vm.name}/net${index}`,
    counters: told?.nics[index],
    rate: rate?.nics[index],
  }));
  return (
    <Panel title="Network interfaces" flush>
      <DataTable
        label={`Network interfaces of ${vm.name}`}
        items={rows}
        keyOf={({ name }) => name}
        empty="It has none."
        columns={[
          { title: 'Name', cell: nic => nic.name },
          { title: 'Cable', cell: nic => <StateBadge state={nic.settings.linkUp ? 'UP' : 'DOWN'} /> },
          { title: 'Model', cell: nic => (nic.device ? `${nic.model} (${nic.access})` : nic.model) },
          { title: 'Network', cell: nic => <a href={href('networks')}>{nic.network}</a> },
          { title: 'MAC', cell: nic => <span className="mono">{nic.mac}</span> },
          { title: 'Addresses', cell: nic => <span className="mono">{nic.ips.join(', ') || '–'}</span> },
          {
            title: 'Received',
            isNumber: true,
            cell: nic => <Traffic bits={nic.rate?.receiveBits} bytes={nic.counters?.receiveBytes} />,
          },
          {
            title: 'Sent',
            isNumber: true,
            cell: nic => <Traffic bits={nic.rate?.transmitBits} bytes={nic.counters?.transmitBytes} />,
          },
          {
            title: 'Dispatch',
            cell: ({ counters }) =>
              counters ? (
                <span title={`${counters.dispatch.kicks} kicks, ${counters.dispatch.interrupts} interrupts`}>
                  {counters.dispatch.mode}
                  {counters.dispatch.mode === 'adaptive' && ` (now ${counters.dispatch.receive})`}
                </span>
              ) : (
                '–'
              ),
          },
          {
            title: 'Dropped',
            isNumber: true,
            cell: ({ counters }) => {
              const dropped = Object.entries(counters?.dropped ?? {}).filter(([, count]) => count > 0);
              const sum = dropped.reduce((all, [, count]) => all + count, 0);
              return <span title={dropped.map(each => each.join(': ')).join('\n')}>{formatCount(sum)}</span>;
            },
          },
          {
            title: '_Actions',
            className: 'acts',
            cell: nic => <NicMenu vm={vm} nic={nic} point={nic.point} />,
          },
        ]}
      />
    </Panel>
  );
}

function Traffic({ bits, bytes }: { bits: number | undefined; bytes: number | undefined }) {
  if (bytes === undefined) return '–';
  return (
    <span>
      {formatBitRate(bits ?? 0)} <span className="muted">({formatBytes(bytes)})</span>
    </span>
  );
}

function NicMenu({ vm, nic, point }: { vm: Vm; nic: Vm['nics'][number]; point: string }) {
  const { rest, store, toasts } = useApp();
  const { linkUp } = nic.settings;
  const plug = () =>
    void toasts
      .follow(`${linkUp ? 'Unplug' : 'Plug in'} ${point}`, () =>
        rest.call(
          'updateNic',
          { vm: vm.name, nic: point.split('/')[1] as string },
          { body: { linkUp: !linkUp } },
        ),
      )
      .finally(() => store.refresh());
  return (
    <MenuButton
      label={`Actions of ${point}`}
      items={[
        {
          label: 'Capture here',
          icon: 'capture',
          needs: 'capture',
          run: () => {
            location.hash = href('capture', point);
          },
        },
        {
          label: linkUp ? 'Unplug its cable' : 'Plug its cable in',
          icon: 'network',
          run: plug,
          needs: 'updateNic',
        },
      ]}
    />
  );
}
