import { useNow, useOverview, useRates } from '../../../app-context';
import {
  formatAge,
  formatBitRate,
  formatMiB,
  formatPercent,
  formatRate,
  formatTime,
} from '../../../model/quantities';
import { href } from '../../../router';
import { Facts, Panel, Stats } from '../../../ui/panel';
import type { VmTabProps } from '../tabs';
import { LoadCharts } from './load-charts';

export function SummaryTab({ vm }: VmTabProps) {
  const sight = useOverview(['telemetry', 'migrations'], vm.name);
  const rate = useRates(sight).get(vm.name);
  const now = useNow();
  const own = sight.known.migrations?.filter(each => each.vm === vm.name).slice(0, 5) ?? [];
  const sum = (of: 'receiveBits' | 'transmitBits') => rate?.nics.reduce((all, nic) => all + nic[of], 0);
  const shown = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? '–' : format(value);
  return (
    <div className="stack">
      <Panel flush>
        <Stats
          items={[
            ['CPU', shown(rate?.busy, formatPercent), 'of one core'],
            ['Exits', shown(rate?.exits, formatRate)],
            ['Instructions', shown(rate?.instructions, formatRate)],
            ['Received', shown(sum('receiveBits'), formatBitRate)],
            ['Sent', shown(sum('transmitBits'), formatBitRate)],
            ['Up', vm.startedAt ? formatAge(vm.startedAt, now) : '–'],
          ]}
        />
      </Panel>
      {rate && <LoadCharts vm={vm.name} />}
      <div className="columns">
        <Panel title="Machine">
          <Facts
            items={[
              [
                'Host',
                <a key="h" href={href('hosts', vm.host)}>
                  {vm.host}
                </a>,
              ],
              ['Core', vm.core === null ? null : `${vm.core} of ${vm.host}`],
              ['Memory', formatMiB(vm.memoryMiB)],
              ['Image', `${vm.image}, ${vm.boot === 'cold' ? 'boots cold' : 'from its post-boot template'}`],
              ['Guest agent', vm.agent ? 'answers' : 'does not answer'],
              ['Autostart', vm.autostart ? 'with the cluster' : 'no'],
              ['When its host is lost', failoverText(vm.failover, vm.checkpointEvery)],
              ['Ownership epoch', vm.epoch],
              ['Defined', formatTime(vm.createdAt, now)],
              [
                'Id',
                <span key="i" className="mono">
                  {vm.id}
                </span>,
              ],
            ]}
          />
        </Panel>
        <div className="stack">
          <Panel title="Network interfaces">
            {vm.nics.length + vm.wifi.length === 0 ? (
              <p className="muted">It has none.</p>
            ) : (
              <Facts
                items={[
                  ...vm.nics.map(
                    nic =>
                      [
                        nic.name,
                        <span key={nic.name}>
                          <span className="mono">{nic.ips.join(', ') || 'no address'}</span>
                          <br />
                          <span className="muted">
                            {nic.device ? `${nic.model} ${vm.host}/${nic.device} (${nic.access})` : nic.model}
                            , network {nic.network}, <span className="mono">{nic.mac}</span>
                            {!nic.settings.linkUp && ', cable unplugged'}
                          </span>
                        </span>,
                      ] as const,
                  ),
                  ...vm.wifi.map(
                    nic =>
                      [
                        nic.name,
                        <span key={nic.name}>
                          <span className="mono">{nic.ips.join(', ') || 'no address'}</span>
                          <br />
                          <span className="muted">
                            Wi-Fi {nic.ssid ?? '(left to the guest)'}, {nic.radio},{' '}
                            <span className="mono">{nic.mac}</span>
                          </span>
                        </span>,
                      ] as const,
                  ),
                ]}
              />
            )}
          </Panel>
          {own.length > 0 && (
            <Panel title="Latest migrations">
              <Facts
                items={own.map(
                  each =>
                    [
                      formatTime(each.createdAt, now),
                      `${each.source} → ${each.target}, ${each.phase.toLowerCase()}${
                        each.downtimeMs === null ? '' : `, downtime ${Math.round(each.downtimeMs)} ms`
                      }`,
                    ] as const,
                )}
              />
            </Panel>
          )}
        </div>
      </div>
    </div>
  );
}

const failoverText = (policy: string, every: number | null): string =>
  ({
    none: 'it waits for it',
    restart: 'it starts anew elsewhere',
    checkpoint: `it goes on elsewhere from a checkpoint (every ${every ?? 30} s)`,
  })[policy] ?? policy;
