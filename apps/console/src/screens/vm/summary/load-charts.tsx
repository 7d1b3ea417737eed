import { useApp } from '../../../app-context';
import { HISTORY_SECONDS } from '../../../model/history';
import { formatBitRate, formatPercent } from '../../../model/quantities';
import { TimeChart } from '../../../ui/chart';
import { Panel } from '../../../ui/panel';

/** The latest minutes of a VM's core and NICs. */
export function LoadCharts({ vm }: { vm: string }) {
  const samples = useApp().history.of(vm);
  const times = samples.map(({ at }) => at);
  return (
    <div className="columns">
      <Panel title="CPU">
        <TimeChart
          label="CPU"
          times={times}
          seconds={HISTORY_SECONDS}
          format={formatPercent}
          max={1}
          series={[{ label: 'busy', colour: '--net-0', values: samples.map(({ busy }) => busy) }]}
        />
      </Panel>
      <Panel title="Network">
        <TimeChart
          label="Network"
          times={times}
          seconds={HISTORY_SECONDS}
          format={formatBitRate}
          series={(['receiveBits', 'transmitBits'] as const).map((of, index) => ({
            label: index === 0 ? 'received' : 'sent',
            colour: index === 0 ? '--net-0' : '--net-1',
            values: samples.map(({ nics }) => nics.reduce((sum, nic) => sum + nic[of], 0)),
          }))}
        />
      </Panel>
    </div>
  );
}
