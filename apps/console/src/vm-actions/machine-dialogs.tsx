import { useState } from 'react';
import type { Host, Vm } from '@v3vee/contracts';
import { usePolled } from '../api/use-polled';
import { useApp, useOperate, useOverview } from '../app-context';
import { go } from '../router';
import { FormDialog } from '../ui/dialog';

/** Images come and go seldom. */
const IMAGES_PERIOD_MS = 60_000;

interface OfVm {
  vm: Vm;
  onClose: () => void;
}

/** Lets a paused VM run for some of its own time. */
export function SimulateDialog({ vm, onClose }: OfVm) {
  const operate = useOperate();
  const [ms, setMs] = useState('100');
  return (
    <FormDialog
      title={`Simulate ${vm.name}`}
      submit="Simulate"
      onClose={onClose}
      onSubmit={() => void operate(`Simulate ${vm.name}`, 'simulateVm', { vm: vm.name }, { ms: Number(ms) })}
    >
      <label className="field">
        For, ms of guest time
        <input
          type="number"
          min="1"
          max="600000"
          required
          autoFocus
          value={ms}
          onChange={event => setMs(event.target.value)}
        />
        <small>Then it is paused again.</small>
      </label>
    </FormDialog>
  );
}

export function MoveCoreDialog({ vm, onClose }: OfVm) {
  const operate = useOperate();
  const { known } = useOverview(['hosts', 'vms']);
  const cores = known.hosts?.find(({ name }) => name === vm.host)?.cores ?? 0;
  const others = Array.from({ length: cores }, (_, core) => core).filter(core => core !== vm.core);
  const [chosen, setChosen] = useState<string>();
  const core = chosen ?? String(others[0] ?? '');
  const holderOf = (each: number) =>
    known.vms?.find(({ host, core: held }) => host === vm.host && held === each)?.name;
  return (
    <FormDialog
      title={`Move ${vm.name} to another core of ${vm.host}`}
      submit="Move"
      isReady={core !== ''}
      onClose={onClose}
      onSubmit={() =>
        void operate(`Move ${vm.name} to core ${core}`, 'moveVmCore', { vm: vm.name }, { core: Number(core) })
      }
    >
      <label className="field">
        Core
        <select value={core} onChange={event => setChosen(event.target.value)} disabled={others.length === 0}>
          {others.length === 0 && <option value="">it has no other</option>}
          {others.map(each => (
            <option key={each} value={each}>
              {each}
              {holderOf(each) && ` (of ${holderOf(each)})`}
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  );
}

const failovers = [
  ['none', 'it waits for it'],
  ['restart', 'it starts anew elsewhere'],
  ['checkpoint', 'it goes on elsewhere from a checkpoint'],
] as const;

/** What of a definition is changed most. */
export function SettingsDialog({ vm, onClose }: OfVm) {
  const { rest, store } = useApp();
  const [memory, setMemory] = useState(String(vm.memoryMiB));
  const [boot, setBoot] = useState(vm.boot);
  const [autostart, setAutostart] = useState(vm.autostart);
  const [failover, setFailover] = useState(vm.failover);
  const isStopped = vm.state === 'STOPPED';
  const save = async () => {
    const body = {
      ...(Number(memory) !== vm.memoryMiB && { memoryMiB: Number(memory) }),
      ...(boot !== vm.boot && { boot }),
      ...(autostart !== vm.autostart && { autostart }),
      ...(failover !== vm.failover && { failover }),
    };
    await rest.call('updateVm', { vm: vm.name }, { body });
    store.refresh();
  };
  return (
    <FormDialog title={`Settings of ${vm.name}`} submit="Save" onClose={onClose} onSubmit={save}>
      <label className="field">
        Memory, MiB
        <input
          type="number"
          min="16"
          max="1024"
          required
          disabled={!isStopped}
          value={memory}
          onChange={event => setMemory(event.target.value)}
        />
        {!isStopped && <small>It can be changed while the VM is stopped.</small>}
      </label>
      <label className="field">
        Starts
        <select value={boot} onChange={event => setBoot(event.target.value as Vm['boot'])}>
          <option value="template">from its post-boot template</option>
          <option value="cold">cold</option>
        </select>
      </label>
      <label className="field">
        When its host is lost
        <select value={failover} onChange={event => setFailover(event.target.value as Vm['failover'])}>
          {failovers.map(([policy, text]) => (
            <option key={policy} value={policy}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label className="check">
        <input type="checkbox" checked={autostart} onChange={event => setAutostart(event.target.checked)} />
        Start it with the cluster
      </label>
    </FormDialog>
  );
}

/** Defines a VM, and starts it if wanted. */
export function CreateDialog({ onClose }: { onClose: () => void }) {
  const { rest, store } = useApp();
  const operate = useOperate();
  const { known } = useOverview(['hosts', 'networks']);
  const [name, setName] = useState('');
  const [chosenHost, setHost] = useState<string>();
  const [image, setImage] = useState('debian');
  const [memory, setMemory] = useState('64');
  const [chosenNetwork, setNetwork] = useState<string>();
  const [ip, setIp] = useState('');
  const [isStarted, setStarted] = useState(true);
  const images = useImages();
  const host = chosenHost ?? bestOf(known.hosts ?? []);
  const network = chosenNetwork ?? known.networks?.[0]?.name ?? '';
  const create = async () => {
    await rest.call(
      'createVm',
      {},
      {
        body: {
          name,
          host: host as string,
          image,
          memoryMiB: Number(memory),
          nics: network ? [{ network, ...(ip && { ip }) }] : [],
        },
      },
    );
    store.refresh();
    go('vms', name);
    if (isStarted) void operate(`Start ${name}`, 'startVm', { vm: name });
  };
  return (
    <FormDialog
      title="New virtual machine"
      submit="Create"
      isReady={name !== '' && host !== undefined}
      onClose={onClose}
      onSubmit={create}
    >
      <label className="field">
        Name
        <input required autoFocus value={name} onChange={event => setName(event.target.value)} />
      </label>
      <div className="columns">
        <label className="field">
          Host
          <select value={host} onChange={event => setHost(event.target.value)}>
            {known.hosts?.map(each => (
              <option key={each.name} value={each.name}>
                {each.name} ({each.memoryFreeMiB} MiB free)
              </option>
            ))}
          </select>
        </label>
        <label className="field">
          Memory, MiB
          <input
            type="number"
            min="16"
            max="1024"
            required
            value={memory}
            onChange={event => setMemory(event.target.value)}
          />
        </label>
      </div>
      <label className="field">
        Image
        <select value={image} onChange={event => setImage(event.target.value)}>
          {(images ?? ['debian']).map(each => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      <div className="columns">
        <label className="field">
          Network
          <select value={network} onChange={event => setNetwork(event.target.value)}>
            {known.networks?.map(each => (
              <option key={each.name} value={each.name}>
                {each.name}
              </option>
            ))}
            <option value="">none</option>
          </select>
        </label>
        <label className="field">
          Address
          <input
            placeholder="10.10.0.14/24"
            disabled={network === ''}
            value={ip}
            onChange={event => setIp(event.target.value)}
          />
        </label>
      </div>
      <label className="check">
        <input type="checkbox" checked={isStarted} onChange={event => setStarted(event.target.checked)} />
        Start it
      </label>
    </FormDialog>
  );
}

/** The ready one with the most free memory. */
const bestOf = (hosts: readonly Host[]): string | undefined =>
  [...hosts]
    .filter(({ state, cordoned }) => state === 'READY' && !cordoned)
    .sort((a, b) => b.memoryFreeMiB - a.memoryFreeMiB)[0]?.name;

function useImages(): string[] | undefined {
  const { rest } = useApp();
  const { value } = usePolled('images', IMAGES_PERIOD_MS, signal =>
    rest.call('listImages', {}, { query: { pageSize: 1000 }, signal }),
  );
  return value?.items.map(({ name }) => name);
}
