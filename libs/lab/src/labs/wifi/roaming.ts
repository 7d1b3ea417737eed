import { setTimeout as delay } from 'node:timers/promises';
import type { LabContext } from '../../lab';
import { row, type LabRow, type Target } from '../../result';
import { BEGIN_PINGS, END_PINGS, seenBy, type Pings } from '../migration/pings';
import { ask, startSupplicant, writeConfiguration } from './supplicant';
import { address, type AccessPointName } from './topology';
import type { WifiCluster } from './wifi-cluster';

/** Echoes flow before the guest roams, and for as long after it has. */
const LEAD_MS = 1_000;
const VM = 'w1';

const within500: Target = { of: 'ours', op: '<=', value: 500 };

/** A VM goes to and fro between two access points of one SSID while it is pinged from the wire. */
export async function roaming(context: LabContext, cluster: WifiCluster): Promise<LabRow[]> {
  context.progress('roaming: both access points are looked for');
  const { accessPoints } = await cluster.counted();
  const bssidOf = (name: AccessPointName) => accessPoints.find(each => each.name === name)?.bssid ?? '';
  const ends = [bssidOf('attic'), bssidOf('secret')] as const;
  await cluster.sh(VM, `pidof wpa_supplicant >/dev/null || { ${restart} }`);
  await cluster.join(VM, 'secret');
  await cluster.sh(VM, find(ends));
  const seen: Pings[] = [];
  const count = Math.max(2, context.runs);
  for (let i = 0; i < count; i++) {
    context.progress(`roaming, ${i + 1} of ${count}`);
    const target = (await cluster.sh(VM, at)).trim() === ends[0] ? ends[1] : ends[0];
    seen.push(await roam(context, cluster, target));
  }
  const gaps = seen.map(({ gapMs }) => gapMs);
  const of = (name: string, unit: string, values: readonly number[], target?: Target) =>
    row({ name: `${name}, WPA2`, unit, ours: { name: 'roams', values }, target });
  return [
    of('roaming, longest time without an answer', 'ms', gaps, within500),
    of(`roaming, the longest of ${count}`, 'ms', [Math.max(...gaps)], within500),
    of(
      'roaming, pings lost, at 10 ms',
      'pings',
      seen.map(({ lost }) => lost),
    ),
  ];
}

async function roam(context: LabContext, cluster: WifiCluster, target: string): Promise<Pings> {
  await cluster.reach(VM);
  await cluster.sh('s', BEGIN_PINGS(address(VM)));
  try {
    await delay(LEAD_MS, undefined, { signal: context.signal });
    await cluster.sh(VM, arrive(target));
    await delay(LEAD_MS, undefined, { signal: context.signal });
  } catch (error) {
    await cluster.sh('s', END_PINGS).catch(() => undefined); // what went wrong first is what matters
    throw error;
  }
  return seenBy(await cluster.sh('s', END_PINGS));
}

const restart = `${writeConfiguration()}\n${startSupplicant('wlan0')}\n`;
const status = ask('wlan0', 'status');
const at = `${status} | sed -n 's/^bssid=//p'`;

/** wpa_supplicant roams to what it has heard of. */
const find = (bssids: readonly string[]): string => `
for i in $(seq 100); do
  heard=$(${ask('wlan0', 'scan_results')})
  missing=
  for bssid in ${bssids.join(' ')}; do
    case "$heard" in *$bssid*) ;; *) missing=$bssid ;; esac
  done
  [ -n "$missing" ] || exit 0
  [ $((i % 20)) -ne 1 ] || ${ask('wlan0', 'scan')} >/dev/null
  usleep 300000
done
echo "it does not hear $missing"; exit 1`;

const arrive = (target: string): string => `
${ask('wlan0', `roam ${target}`)} >/dev/null
for i in $(seq 100); do
  case "$(${status})" in *bssid=${target}*wpa_state=COMPLETED*) exit 0 ;; esac
  usleep 100000
done
echo "it did not get to ${target}"; ${status}; exit 1`;
