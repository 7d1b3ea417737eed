import { useState, type ReactNode } from 'react';
import type { Network, Vm } from '@v3vee/contracts';
import { useApp, useOverview, useRates } from '../../../app-context';
import { formatBitRate, formatBytes, formatCount } from '../../../model/quantities';
import { go, href } from '../../../router';
import { ConfirmDialog } from '../../../ui/confirm-dialog';
import { ActionButton } from '../../../ui/action-button';
import { DataTable } from '../../../ui/data-table';
import { MenuButton } from '../../../ui/menu';
import { Panel } from '../../../ui/panel';
import { StateBadge } from '../../../ui/state-badge';
import type { VmTabProps } from '../tabs';
import { indexOfNic, MAX_NICS, withoutNic } from './definition';
import { AddNicDialog, MoveNicDialog } from './nic-dialogs';
import { NicSettingsDialog } from './nic-settings-dialog';

export function NicsTab({ vm }: VmTabProps) {
  const sight = useOverview(['telemetry', 'networks'], vm.name);
  const [dialog, setDialog] = useState<ReactNode>(null);
  const networks = sight.known.networks?.filter(({ project }) => project === vm.project) ?? [];
  const stopped =
    vm.state === 'STOPPED' ? undefined : `It is ${vm.state}; its NICs are changed while it is STOPPED`;
  const whyNoMore =
    stopped ??
    (vm.nics.length < MAX_NICS ? undefined : `A VM has at most ${MAX_NICS} NICs`) ??
    (networks.length > 0 ? undefined : `There is no network in project ${vm.project}`);
  const told = sight.known.telemetry?.find(each => each.vm === vm.name);
  const rate = useRates(sight).get(vm.name);
  const rows = vm.nics.map((nic, index) => ({
    ...nic,
    index,
    point: `${vm.name}/net${index}`,
    counters: told?.nics[index],
    rate: rate?.nics[index],
  }));
  return (
    <Panel
      title="Network interfaces"
      flush
      actions={
        <>
          {stopped && <span className="muted">{stopped}</span>}
          <ActionButton
            label="Add NIC…"
            needs="updateVm"
            why={whyNoMore}
            onClick={() =>
              setDialog(<AddNicDialog vm={vm} networks={networks} onClose={() => setDialog(null)} />)
            }
          />
        </>
      }
    >
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
            cell: nic => (
              <NicMenu
                vm={vm}
                index={nic.index}
                networks={networks}
                whyFixed={stopped}
                onDialog={setDialog}
              />
            ),
          },
        ]}
      />
      {dialog}
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

function NicMenu({
  vm,
  index,
  networks,
  whyFixed,
  onDialog,
}: {
  vm: Vm;
  index: number;
  networks: readonly Network[];
  /** Why none may be added or removed; undefined: they may. */
  whyFixed: string | undefined;
  onDialog: (dialog: ReactNode) => void;
}) {
  const { rest, store, toasts } = useApp();
  const { settings, device, mac } = vm.nics[index] as Vm['nics'][number];
  const nic = `net${index}`;
  const point = `${vm.name}/${nic}`;
  const close = () => onDialog(null);
  const follow = (text: string, work: () => Promise<unknown>) =>
    toasts.follow(text, work).finally(() => store.refresh());
  const plug = () =>
    void follow(`${settings.linkUp ? 'Unplug' : 'Plug in'} ${point}`, () =>
      rest.call('updateNic', { vm: vm.name, nic }, { body: { linkUp: !settings.linkUp } }),
    );
  const remove = () =>
    onDialog(
      <ConfirmDialog
        title={`Remove ${point}?`}
        warning="Its MAC address and its settings go with it; those behind it in the list move up."
        submit="Remove"
        onClose={close}
        onConfirm={() =>
          void follow(`Remove ${point}`, async () => {
            const now = await rest.call('getVm', { vm: vm.id });
            const nics = withoutNic(now.nics, indexOfNic(now, mac));
            await rest.call('updateVm', { vm: vm.id }, { body: { nics } });
          })
        }
      />,
    );
  const ofCard =
    device === null ? undefined : 'The cable of a physical card leads where the cluster file says';
  const whyNotMoved = whyFixed ?? ofCard;
  return (
    <MenuButton
      label={`Actions of ${point}`}
      items={[
        {
          label: 'Settings…',
          icon: 'settings',
          needs: 'updateNic',
          run: () =>
            onDialog(
              <NicSettingsDialog
                vm={vm.name}
                nic={nic}
                settings={settings}
                isCard={device !== null}
                onClose={close}
              />,
            ),
        },
        {
          label: 'Capture here',
          icon: 'capture',
          needs: 'capture',
          run: () => go('capture', point),
        },
        {
          label: settings.linkUp ? 'Unplug its cable' : 'Plug its cable in',
          icon: 'network',
          run: plug,
          needs: 'updateNic',
        },
        {
          label: 'Move to another network…',
          icon: 'move',
          needs: 'updateVm',
          run: whyNotMoved
            ? undefined
            : () => onDialog(<MoveNicDialog vm={vm} index={index} networks={networks} onClose={close} />),
          why: whyNotMoved,
        },
        'line',
        {
          label: 'Remove…',
          icon: 'trash',
          isDangerous: true,
          needs: 'updateVm',
          run: whyFixed ? undefined : remove,
          why: whyFixed,
        },
      ]}
    />
  );
}
