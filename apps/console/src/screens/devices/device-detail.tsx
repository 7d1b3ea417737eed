import { useState } from 'react';
import type { DmmDevice } from '@v3vee/contracts';
import { useApp, useMay, useNow, useOverview, useWhyRefused } from '../../app-context';
import { formatBytes, formatCount, formatHex, formatMs, formatTime } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { FormDialog } from '../../ui/dialog';
import { Facts, Meter, Panel, Stats } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { AccessBar } from './access-bar';
import { accessesOf } from './shares';
import { TracePanel } from './trace-panel';

export function DeviceDetail({ name }: { name: string }) {
  const may = useMay();
  const { known } = useOverview(['devices', 'contexts', 'violations']);
  const now = useNow();
  const device = known.devices?.find(each => each.name === name);
  if (!known.devices) return <p className="empty">Loading…</p>;
  if (!device) return <p className="empty">There is no device “{name}”.</p>;
  const { account, policy } = device;
  return (
    <>
      <div className="screen-head">
        <a className="crumb" href={href('devices')}>
          Devices
        </a>
        <h1>{name}</h1>
        <StateBadge state={device.state} reason={device.reason} />
        <span className="muted">
          {device.model}
          {device.network && `, cable to ${device.network}`}
        </span>
        <div className="row">
          <PolicyButton device={device} />
        </div>
      </div>
      <div className="stack">
        <div className="columns">
          <Panel title="Who has it">
            <Turns device={device} />
          </Panel>
          <Panel title="Accesses of guests">
            <AccessBar accesses={accessesOf(account)} isLegend />
          </Panel>
        </div>
        {account && (
          <Panel flush>
            <Stats
              items={[
                ['Exits', formatCount(account.exits.count), `p50 ${formatMs(account.exits.p50Ms)}`],
                ['Switches', formatCount(account.switches.count), `p50 ${formatMs(account.switches.p50Ms)}`],
                ['Forced', formatCount(account.forced)],
                ['Interrupts', formatCount(account.interrupts)],
                ['Received', formatCount(account.frames.received), 'frames'],
                ['Sent', formatCount(account.frames.transmitted), 'frames'],
                ['Held', formatCount(account.frames.held), 'frames'],
                ['Denied', formatCount(account.denied), 'DMA'],
              ]}
            />
          </Panel>
        )}
        <div className="columns">
          <Panel title="Hooked I/O list" flush>
            <DataTable
              label="Hooked I/O list"
              items={device.hooks}
              keyOf={hook => `${hook.direction} ${hook.offset} ${hook.class} ${hook.register} ${hook.why}`}
              empty="Nothing is hooked: every access goes straight to the device."
              columns={[
                { title: 'Register', cell: each => each.register },
                { title: 'Way', cell: each => each.direction },
                {
                  title: 'Offset',
                  cell: each => (
                    <span className="mono nowrap">
                      {formatHex(each.offset)}
                      {each.length > 1 && `–${formatHex(each.offset + each.length - 1)}`}
                    </span>
                  ),
                },
                {
                  title: 'Class',
                  cell: each => (
                    <span className={each.class === 'exit' ? 'tag bad' : 'tag'}>{each.class}</span>
                  ),
                },
                { title: 'Why', className: 'reason', cell: each => each.why },
              ]}
            />
          </Panel>
          <Panel title="Registers" flush>
            <div className="tall" tabIndex={0} role="region" aria-label="All registers">
              <DataTable
                label="Accesses by register"
                items={account?.registers ?? []}
                keyOf={each => `${each.register} ${each.direction}`}
                empty="No register has been accessed."
                columns={[
                  { title: 'Register', by: each => each.register, cell: each => each.register },
                  { title: 'Way', cell: each => each.direction },
                  {
                    title: 'Open',
                    isNumber: true,
                    by: each => each.open,
                    cell: each => formatCount(each.open),
                  },
                  {
                    title: 'Shadow',
                    isNumber: true,
                    by: each => each.shadow,
                    cell: each => formatCount(each.shadow),
                  },
                  {
                    title: 'Exit',
                    isNumber: true,
                    by: each => each.exit,
                    cell: each => formatCount(each.exit),
                  },
                ]}
              />
            </div>
          </Panel>
        </div>
        {may('traceDevice') && <TracePanel device={name} />}
        <div className="columns">
          <Panel title="Saved contexts" flush>
            <DataTable
              label="Saved contexts"
              items={known.contexts?.filter(each => each.device === name)}
              keyOf={({ vmId }) => vmId}
              empty="No guest’s context is saved."
              columns={[
                { title: 'VM', cell: each => each.vm },
                { title: 'Epoch', isNumber: true, cell: each => each.epoch },
                { title: 'Size', isNumber: true, cell: each => formatBytes(each.bytes) },
                { title: 'Forced', cell: each => (each.forced ? 'yes' : 'no') },
                { title: 'Saved', cell: each => formatTime(each.savedAt, now) },
              ]}
            />
          </Panel>
          <Panel title="Violations" flush>
            <DataTable
              label="Violations"
              items={known.violations?.filter(each => each.device === name)}
              keyOf={({ id }) => id}
              empty="No DMA has been denied."
              columns={[
                { title: 'At', cell: each => <span className="nowrap">{formatTime(each.at, now)}</span> },
                { title: 'VM', cell: each => each.vm },
                { title: 'Register', cell: each => each.register },
                {
                  title: 'Memory',
                  cell: each => (
                    <span className="mono nowrap">{`${formatHex(each.address, 8)} + ${each.length}`}</span>
                  ),
                },
                { title: 'Action', cell: each => each.action },
              ]}
            />
          </Panel>
        </div>
        <Panel title="Policy">
          <Facts
            items={[
              ['Slice', `${policy.sliceMs} ms for a guest while others wait`],
              ['Reusable within', `${policy.reusableMs} ms, then a switch is forced`],
              ['A frame for a guest without it', policy.onFrame ? 'is a reason to switch' : 'waits'],
              [
                'After a denied DMA',
                policy.onViolation === 'stop' ? 'its guest is stopped' : 'the access has no effect',
              ],
            ]}
          />
        </Panel>
      </div>
    </>
  );
}

/** Each guest that shares it: has it, waits for it since when, or neither; and its part of the time. */
function Turns({ device: { guests, holder, waiting } }: { device: DmmDevice }) {
  const all = guests.reduce((sum, { heldMs }) => sum + heldMs, 0);
  if (guests.length === 0) return <p className="muted">No running guest uses it.</p>;
  return (
    <ul className="turns">
      {guests.map(({ vm, access, heldMs }) => {
        const wait = waiting.find(each => each.vm === vm);
        return (
          <li key={vm} data-holder={vm === holder || undefined}>
            <a href={href('vms', vm)}>{vm}</a>
            {vm === holder ? (
              <span className="tag ok">has it</span>
            ) : wait ? (
              <span className="tag warn" title={`for ${wait.why === 'frame' ? 'a frame' : 'an access'}`}>
                waits {formatMs(wait.waitedMs)}
              </span>
            ) : (
              <span className="tag">{access}</span>
            )}
            <Meter
              share={all === 0 ? 0 : heldMs / all}
              isHigh={false}
              label={`share of the time that ${vm} had it`}
            />
            <span className="num muted">{all === 0 ? '–' : `${Math.round((100 * heldMs) / all)} %`}</span>
          </li>
        );
      })}
    </ul>
  );
}

function PolicyButton({ device }: { device: DmmDevice }) {
  const { rest, store } = useApp();
  const [isOpen, setOpen] = useState(false);
  const [policy, setPolicy] = useState(device.policy);
  const refusal = useWhyRefused()('updateDevicePolicy');
  return (
    <>
      <button
        type="button"
        className="button"
        disabled={refusal !== undefined}
        title={refusal}
        onClick={() => {
          setPolicy(device.policy);
          setOpen(true);
        }}
      >
        Change policy…
      </button>
      {isOpen && (
        <FormDialog
          title={`How ${device.name} is shared`}
          submit="Save"
          onClose={() => setOpen(false)}
          onSubmit={() =>
            rest
              .call('updateDevicePolicy', { device: device.name }, { body: policy })
              .finally(() => store.refresh())
          }
        >
          <label className="field">
            Slice, ms
            <input
              type="number"
              min="1"
              max="10000"
              required
              value={policy.sliceMs}
              onChange={event => setPolicy({ ...policy, sliceMs: Number(event.target.value) })}
            />
          </label>
          <label className="field">
            Reusable within, ms
            <input
              type="number"
              min="1"
              max="10000"
              required
              value={policy.reusableMs}
              onChange={event => setPolicy({ ...policy, reusableMs: Number(event.target.value) })}
            />
          </label>
          <label className="check">
            <input
              type="checkbox"
              checked={policy.onFrame}
              onChange={event => setPolicy({ ...policy, onFrame: event.target.checked })}
            />
            A frame for a guest without it is a reason to switch
          </label>
          <label className="check">
            <input
              type="checkbox"
              checked={policy.onViolation === 'stop'}
              onChange={event =>
                setPolicy({ ...policy, onViolation: event.target.checked ? 'stop' : 'deny' })
              }
            />
            A denied DMA stops its guest
          </label>
        </FormDialog>
      )}
    </>
  );
}
