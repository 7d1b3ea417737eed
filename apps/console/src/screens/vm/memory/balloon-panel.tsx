import { useState, type FormEvent } from 'react';
import type { MemoryMap, Vm } from '@v3vee/contracts';
import { useApp, useWhyRefused } from '../../../app-context';
import { formatMiB } from '../../../model/quantities';
import { Panel } from '../../../ui/panel';
import { isAllowed, whyNot } from '../../../vm-actions/allowed';

const LEAST_MIB = 16;

/** How much of its memory the guest is to have. */
export function BalloonPanel({ vm, map }: { vm: Vm; map: MemoryMap }) {
  const { rest, toasts } = useApp();
  const [wanted, setWanted] = useState(String(vm.memoryMiB));
  const [isBusy, setBusy] = useState(false);
  const hasBalloon = vm.devices.some(device => device.class === 'virtio-balloon');
  const why =
    useWhyRefused()('balloonVm') ??
    (hasBalloon ? undefined : 'It has no virtio-balloon device; add one to its definition') ??
    (isAllowed('balloon', vm.state) ? undefined : whyNot('balloon', vm.state));
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    await toasts.follow(`Give ${vm.name} ${wanted} MiB`, () =>
      rest.call('balloonVm', { vm: vm.id }, { body: { memoryMiB: Number(wanted) } }),
    );
    setBusy(false);
  };
  const held = Math.round((map.memoryBytes - map.balloonBytes) / (1 << 20));
  return (
    <Panel title="Balloon">
      <form className="stack" onSubmit={event => void send(event)}>
        <p>
          It has {formatMiB(held)} of {formatMiB(vm.memoryMiB)}. What the guest gives back, its host can give
          to others.
        </p>
        <label className="field">
          It is to have, MiB
          <input
            type="number"
            min={LEAST_MIB}
            max={vm.memoryMiB}
            required
            disabled={why !== undefined}
            value={wanted}
            onChange={event => setWanted(event.target.value)}
          />
        </label>
        <div className="row">
          <button type="submit" className="button" disabled={why !== undefined || isBusy} title={why}>
            Change
          </button>
          {why && <span className="muted">{why}.</span>}
        </div>
      </form>
    </Panel>
  );
}
