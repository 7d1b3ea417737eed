import { Suspense } from 'react';
import type { Vm } from '@v3vee/contracts';
import { useMay, useOverview, useWhyRefused } from '../../app-context';
import { href } from '../../router';
import { Icon } from '../../ui/icon';
import { MenuButton, type MenuItem } from '../../ui/menu';
import { StateBadge } from '../../ui/state-badge';
import { useVmActions } from '../../vm-actions/use-vm-actions';
import { vmTabs } from './tabs';

export function VmDetail({ name, tab = 'summary' }: { name: string; tab: string | undefined }) {
  const { known } = useOverview(['vms', 'telemetry'], name);
  const may = useMay();
  const vm = known.vms?.find(each => each.name === name);
  if (!known.vms) return <p className="empty">Loading…</p>;
  if (!vm) return <p className="empty">There is no virtual machine “{name}”.</p>;
  const shown = vmTabs.find(({ id }) => id === tab);
  return (
    <>
      <Head vm={vm} />
      <nav className="tabs" aria-label={`Of ${name}`} style={{ marginBottom: 12 }}>
        {vmTabs
          .filter(({ needs }) => needs === undefined || may(needs))
          .map(({ id, title }) => (
            <a key={id} href={href('vms', name, id)} aria-current={id === tab ? 'page' : undefined}>
              {title}
            </a>
          ))}
      </nav>
      <Suspense fallback={<p className="empty">Loading…</p>}>
        {shown ? <shown.view vm={vm} /> : <p className="empty">There is no such tab.</p>}
      </Suspense>
    </>
  );
}

function Head({ vm }: { vm: Vm }) {
  const { items, byVerb, dialog } = useVmActions(vm);
  const whyRefused = useWhyRefused();
  const first = [byVerb.start, byVerb.pause, byVerb.resume, byVerb.migrate, byVerb.snapshot, byVerb.stop];
  return (
    <div className="screen-head">
      <a className="crumb" href={href('vms')}>
        Virtual machines
      </a>
      <h1>{vm.name}</h1>
      <StateBadge state={vm.state} />
      <span className={vm.state === 'ERROR' ? 'bad' : 'muted'}>{vm.reason}</span>
      <div className="row" role="group" aria-label="Actions">
        {first
          .filter((item): item is MenuItem => item?.run !== undefined)
          .map(({ label, icon, run, isDangerous, needs = 'getVm' }) => (
            <button
              key={label}
              type="button"
              className={isDangerous ? 'button danger' : 'button'}
              disabled={whyRefused(needs) !== undefined}
              title={whyRefused(needs)}
              onClick={run}
            >
              <Icon name={icon} />
              {label}
            </button>
          ))}
        <MenuButton label={`More actions of ${vm.name}`} items={items} />
      </div>
      {dialog}
    </div>
  );
}
