import { useMemo } from 'react';
import type { Station, WifiPosition } from '@v3vee/contracts';
import { useApp, useNow, useOverview, useWhyRefused } from '../../app-context';
import { formatAge, formatBytes, formatCount, plural } from '../../model/quantities';
import { href } from '../../router';
import { DataTable } from '../../ui/data-table';
import { Meter, Panel } from '../../ui/panel';
import { StateBadge } from '../../ui/state-badge';
import { AccessPoints, NewAccessPoint } from './access-points';
import { AntennaMap } from './antenna-map';
import { antennasOf, barsOfSignal } from './map';

const PARTS = ['networks', 'radios', 'accessPoints', 'stations', 'airtime', 'wifiLinks'] as const;

export function WifiScreen() {
  const { known } = useOverview(PARTS);
  const { rest, store, toasts } = useApp();
  const whyFixed = useWhyRefused()('setWifiPosition');
  const { networks, radios, accessPoints, stations = [], airtime, wifiLinks } = known;
  const antennas = useMemo(() => antennasOf(radios ?? [], accessPoints ?? []), [radios, accessPoints]);
  const move = (id: string, position: WifiPosition | null) =>
    rest
      .call('setWifiPosition', {}, { body: { id, position } })
      .catch((thrown: unknown) => toasts.fail(`Move ${id}`, thrown))
      .finally(() => store.refresh());
  if (!radios || !accessPoints) return <p className="empty">Loading…</p>;
  if (antennas.length === 0) {
    return (
      <>
        <div className="screen-head">
          <h1>Wi-Fi</h1>
        </div>
        <Panel>
          <div className="empty stack">
            <p>
              No host has a radio, and there is no access point. Radios are declared in the cluster file, by{' '}
              <code>hosts.NAME.radios</code>.
            </p>
            <p>
              <NewAccessPoint networks={networks} />
            </p>
          </div>
        </Panel>
      </>
    );
  }
  const nowhere = antennas.filter(({ position }) => position === null);
  return (
    <>
      <div className="screen-head">
        <h1>Wi-Fi</h1>
        <span className="muted">
          {stations.filter(({ state }) => state === 'ASSOCIATED').length} of{' '}
          {plural(stations.length, 'station')} connected
        </span>
      </div>
      <div className="stack">
        <div className="wifi-top">
          <Panel
            title="Map"
            flush
            actions={
              <span className="muted">
                {whyFixed === undefined ? 'metres; drag an antenna to move it' : `metres; ${whyFixed}`}
              </span>
            }
          >
            <AntennaMap
              antennas={antennas}
              links={wifiLinks ?? []}
              stations={stations}
              whyFixed={whyFixed}
              onMove={move}
            />
            {nowhere.length > 0 && (
              <div className="panel-body row">
                <span className="muted">Nowhere, so that all hear them alike:</span>
                {nowhere.map(({ id, label }) => (
                  <button
                    key={id}
                    type="button"
                    className="button"
                    disabled={whyFixed !== undefined}
                    title={whyFixed}
                    onClick={() => void move(id, [0, 0])}
                  >
                    Place {label}
                  </button>
                ))}
              </div>
            )}
          </Panel>
          <div className="stack">
            <AccessPoints items={accessPoints} networks={networks} />
            <Panel title="Radios" flush>
              <DataTable
                label="Radios"
                items={radios}
                keyOf={({ id }) => id}
                empty="No host has a radio."
                columns={[
                  { title: 'Radio', by: each => each.id, cell: each => each.id },
                  { title: 'State', cell: each => <StateBadge state={each.state} /> },
                  {
                    title: 'Channels',
                    cell: each =>
                      each.status?.schedule.length
                        ? each.status.schedule
                            .map(({ channel, share }) => `${channel} (${Math.round(100 * share)} %)`)
                            .join(', ')
                        : each.status?.tuned.join(', ') || '–',
                  },
                  {
                    title: 'Switches',
                    isNumber: true,
                    cell: each => formatCount(each.status?.switches ?? 0),
                  },
                ]}
              />
            </Panel>
          </div>
        </div>
        <Panel title="Stations" flush>
          <Stations items={stations} />
        </Panel>
        <Panel title="Airtime of the last 10 s" flush>
          <DataTable
            label="Airtime"
            items={airtime && [...airtime].sort((a, b) => b.share - a.share)}
            keyOf={each => `${each.antenna} ${each.address}`}
            empty="Nobody has sent anything."
            columns={[
              { title: 'Who', by: each => each.name, cell: each => each.name },
              { title: 'Antenna', cell: each => each.antenna },
              { title: 'Channel', isNumber: true, cell: each => each.channel ?? '–' },
              {
                title: 'Share',
                by: each => each.share,
                cell: each => (
                  <span className="airtime">
                    <Meter share={each.share} label={`airtime of ${each.name}`} />
                    <span className="num">{(100 * each.share).toFixed(1)} %</span>
                  </span>
                ),
              },
              {
                title: 'Frames',
                isNumber: true,
                by: each => each.frames,
                cell: each => formatCount(each.frames),
              },
              {
                title: 'Bytes',
                isNumber: true,
                by: each => each.bytes,
                cell: each => formatBytes(each.bytes),
              },
              {
                title: 'Retries',
                isNumber: true,
                by: each => each.retries,
                cell: each => formatCount(each.retries),
              },
              {
                title: 'Failed',
                isNumber: true,
                by: each => each.failed,
                cell: each => formatCount(each.failed),
              },
            ]}
          />
        </Panel>
      </div>
    </>
  );
}

function Signal({ dBm }: { dBm: number | null | undefined }) {
  if (dBm === null || dBm === undefined) return <span className="muted">–</span>;
  const bars = barsOfSignal(dBm);
  return (
    <span className="nowrap">
      <span className="bars" aria-hidden="true">
        {[1, 2, 3, 4].map(bar => (
          <i key={bar} className={bar <= bars ? 'full' : undefined} style={{ height: 3 * bar }} />
        ))}
      </span>
      {Math.round(dBm)} dBm
    </span>
  );
}

function Stations({ items }: { items: readonly Station[] }) {
  const now = useNow();
  return (
    <DataTable
      label="Stations"
      items={items}
      keyOf={({ name }) => name}
      empty="No virtual machine has a Wi-Fi NIC."
      columns={[
        {
          title: 'Station',
          by: each => each.name,
          cell: each => <a href={href('vms', each.vm)}>{each.name}</a>,
        },
        { title: 'State', by: each => each.state, cell: each => <StateBadge state={each.state} /> },
        { title: 'Radio', by: each => each.radio, cell: each => each.radio },
        {
          title: 'SSID',
          cell: each => each.status?.ssid ?? <span className="muted">{each.declared ?? '–'}</span>,
        },
        { title: 'Access point', cell: each => each.status?.accessPoint ?? '–' },
        {
          title: 'Signal',
          by: each => each.status?.signal ?? -200,
          cell: each => <Signal dBm={each.status?.signal} />,
        },
        {
          title: 'Rate, Mbit/s',
          isNumber: true,
          cell: each => `${each.status?.transmitRate ?? '–'} / ${each.status?.receiveRate ?? '–'}`,
        },
        { title: 'Power', cell: each => (each.status?.power === 'SAVING' ? 'saving' : 'active') },
        {
          title: 'Connected',
          isNumber: true,
          cell: each => (each.status?.associatedAt ? formatAge(each.status.associatedAt, now) : '–'),
        },
        { title: 'vMAC', cell: each => <span className="mono">{each.mac}</span> },
      ]}
    />
  );
}
