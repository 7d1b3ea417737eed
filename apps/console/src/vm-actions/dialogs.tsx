import { useEffect, useState } from 'react';
import type { MigrationBlocker, Vm } from '@v3vee/contracts';
import { useApp, useNow, useOperate, useOverview } from '../app-context';
import { ApiError } from '../api/problem';
import { useMigrate } from '../migration/use-migrate';
import { formatBytes, formatTime } from '../model/quantities';
import { FormDialog } from '../ui/dialog';

interface OfVm {
  vm: Vm;
  onClose: () => void;
}

export function SnapshotDialog({ vm, onClose }: OfVm) {
  const operate = useOperate();
  const [name, setName] = useState(
    `${vm.name}-${new Date().toISOString().slice(5, 16).replace(/[T:]/g, '-')}`,
  );
  return (
    <FormDialog
      title={`Take a snapshot of ${vm.name}`}
      submit="Take snapshot"
      isReady={name !== ''}
      onClose={onClose}
      onSubmit={() => void operate(`Snapshot ${name} of ${vm.name}`, 'snapshotVm', { vm: vm.name }, { name })}
    >
      <label className="field">
        Name
        <input value={name} required onChange={event => setName(event.target.value)} autoFocus />
        <small>Its memory and devices are saved; the guest stands still for some milliseconds.</small>
      </label>
    </FormDialog>
  );
}

export function RestoreDialog({ vm, onClose }: OfVm) {
  const operate = useOperate();
  const { known } = useOverview(['snapshots'], vm.name);
  const now = useNow();
  const own = known.snapshots?.filter(snapshot => snapshot.vmId === vm.id) ?? [];
  const [chosen, setChosen] = useState<string>();
  const id = chosen ?? own[0]?.id;
  return (
    <FormDialog
      title={`Restore ${vm.name}`}
      submit="Restore"
      isDangerous
      isReady={id !== undefined}
      onClose={onClose}
      onSubmit={() => void operate(`Restore ${vm.name}`, 'restoreVm', { vm: vm.name }, { snapshot: id })}
    >
      <p>What the guest did since the snapshot is lost.</p>
      <label className="field">
        Snapshot
        <select value={id} onChange={event => setChosen(event.target.value)} disabled={own.length === 0}>
          {own.length === 0 && <option>it has none</option>}
          {own.map(snapshot => (
            <option key={snapshot.id} value={snapshot.id}>
              {snapshot.name} ({formatTime(snapshot.createdAt, now)}, {formatBytes(snapshot.bytes)})
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  );
}

export function CloneDialog({ vm, onClose }: OfVm) {
  const operate = useOperate();
  const { known } = useOverview(['snapshots', 'hosts'], vm.name);
  const [name, setName] = useState(`${vm.name}-2`);
  const [host, setHost] = useState(vm.host);
  const [snapshot, setSnapshot] = useState('');
  const [ip, setIp] = useState('');
  const own = known.snapshots?.filter(each => each.vmId === vm.id) ?? [];
  return (
    <FormDialog
      title={`Clone ${vm.name}`}
      submit="Clone"
      isReady={name !== ''}
      onClose={onClose}
      onSubmit={() =>
        void operate(
          `Clone ${vm.name} as ${name}`,
          'cloneVm',
          { vm: vm.name },
          {
            name,
            host,
            ...(snapshot && { snapshot }),
            ...(ip && { ips: [ip] }),
          },
        )
      }
    >
      <label className="field">
        Name
        <input value={name} required onChange={event => setName(event.target.value)} autoFocus />
      </label>
      <label className="field">
        Host
        <select value={host} onChange={event => setHost(event.target.value)}>
          {known.hosts?.map(each => (
            <option key={each.name}>{each.name}</option>
          ))}
        </select>
      </label>
      <label className="field">
        Goes on from
        <select value={snapshot} onChange={event => setSnapshot(event.target.value)}>
          <option value="">its present state</option>
          {own.map(each => (
            <option key={each.id} value={each.id}>
              snapshot {each.name}
            </option>
          ))}
        </select>
      </label>
      {vm.nics.length > 0 && (
        <label className="field">
          Address of {vm.nics[0]?.name}
          <input value={ip} placeholder="10.10.0.13/24" onChange={event => setIp(event.target.value)} />
          <small>With its prefix; left empty, the guest keeps no address.</small>
        </label>
      )}
    </FormDialog>
  );
}

export function MigrateDialog({ vm, onClose }: OfVm) {
  const { rest } = useApp();
  const migrate = useMigrate();
  const { known } = useOverview(['hosts']);
  const others = known.hosts?.filter(({ name }) => name !== vm.host) ?? [];
  const [chosen, setChosen] = useState<string>();
  const host =
    chosen ?? others.find(({ state, cordoned }) => state === 'READY' && !cordoned)?.name ?? others[0]?.name;
  const [downtime, setDowntime] = useState('60');
  const [bandwidth, setBandwidth] = useState('');
  const [isStopAndCopy, setStopAndCopy] = useState(false);
  const [autoConverge, setAutoConverge] = useState(false);
  const [blockers, setBlockers] = useState<readonly MigrationBlocker[]>();
  useEffect(() => {
    if (host === undefined) return;
    const asking = new AbortController();
    rest
      .call('checkMigration', { vm: vm.name }, { body: { host }, signal: asking.signal })
      .then(check => setBlockers(check.blockers))
      .catch((thrown: unknown) => {
        if (asking.signal.aborted) return;
        const { code, message } = ApiError.from(thrown);
        setBlockers([{ code, detail: message }]);
      });
    return () => asking.abort();
  }, [rest, vm.name, host]);
  return (
    <FormDialog
      title={`Migrate ${vm.name}`}
      submit="Migrate"
      isReady={host !== undefined && blockers?.length === 0}
      onClose={onClose}
      onSubmit={() =>
        migrate(vm.name, {
          host: host as string,
          mode: isStopAndCopy ? 'stop-and-copy' : 'precopy',
          downtimeLimitMs: Number(downtime),
          autoConverge,
          ...(bandwidth && { bandwidthMiBps: Number(bandwidth) }),
        })
      }
    >
      <label className="field">
        To host
        <select value={host} onChange={event => setChosen(event.target.value)} disabled={others.length === 0}>
          {others.length === 0 && <option>there is no other host</option>}
          {others.map(({ name, state, cordoned }) => (
            <option key={name} value={name}>
              {name}
              {state !== 'READY' ? ' (not ready)' : cordoned ? ' (cordoned)' : ''}
            </option>
          ))}
        </select>
      </label>
      <div className="columns">
        <label className="field">
          Downtime limit, ms
          <input
            type="number"
            min="1"
            max="60000"
            required
            value={downtime}
            onChange={event => setDowntime(event.target.value)}
          />
        </label>
        <label className="field">
          Bandwidth, MiB/s
          <input
            type="number"
            min="0.1"
            step="any"
            placeholder="no limit"
            value={bandwidth}
            onChange={event => setBandwidth(event.target.value)}
          />
        </label>
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={autoConverge}
          onChange={event => setAutoConverge(event.target.checked)}
        />
        Slow the guest down when it changes memory faster than that can be sent
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={isStopAndCopy}
          onChange={event => setStopAndCopy(event.target.checked)}
        />
        Let it stand still for all of it (stop and copy)
      </label>
      {blockers && blockers.length > 0 && (
        <div className="note warn" role="status">
          <strong>It cannot go there now</strong>
          {blockers.map(({ code, detail }) => (
            <div key={code + detail}>{detail}</div>
          ))}
        </div>
      )}
    </FormDialog>
  );
}
