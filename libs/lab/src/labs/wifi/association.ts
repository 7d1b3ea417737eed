import type { LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { CONFIGURATION, writeConfiguration } from './supplicant';
import { ACCESS_POINTS } from './topology';
import type { WifiCluster } from './wifi-cluster';

/** In all, unless fewer runs are asked for: it takes a while. Two VMs at a time, as when a host's VMs start. */
const ASSOCIATIONS = 50;
const EACH_RUN = 20;
const VMS = ['w1', 'w2'] as const;
/** Of each in one go. */
const BATCH = 5;
/** s after which one has failed. */
const PATIENCE = 15;

/**
 * Shell: starts wpa_supplicant so often, each time from nothing, and prints `FROM TO`, s of /proc/uptime: when it was
 * started, and when it said that it is connected (state COMPLETED). The shell hears it by itself, without looking again
 * and again, which would take the guest's time.
 */
export const associate = (times: number): string => `
[ -p /tmp/say ] || mkfifo /tmp/say
for i in $(seq ${times}); do
  read -r from rest </proc/uptime
  wpa_supplicant -D nl80211 -i wlan0 -c ${CONFIGURATION} -f /tmp/say >/dev/null 2>&1 &
  station=$!
  while read -r -t ${PATIENCE} line; do
    read -r now rest </proc/uptime
    case "$line" in *CTRL-EVENT-CONNECTED*) echo "$from $now"; kill $station ;; esac
    [ $((\${now%.*} - \${from%.*})) -lt ${PATIENCE} ] || break
  done </tmp/say
  kill $station 2>/dev/null
  wait $station
done
true`;

/** @returns s of each that succeeded. @throws Error where that is not what was printed */
export function associationSeconds(text: string): number[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const times = /^(\d+\.\d+) (\d+\.\d+)$/.exec(line);
      if (!times) throw new Error(`the guest printed what cannot be read: ${text.slice(0, 400)}`);
      return Number(times[2]) - Number(times[1]);
    });
}

export async function associations(context: LabContext, cluster: WifiCluster): Promise<LabRow[]> {
  const wanted = Math.min(ASSOCIATIONS, EACH_RUN * context.runs);
  const begin = `killall wpa_supplicant; while pidof wpa_supplicant >/dev/null; do usleep 20000; done
    ${writeConfiguration(ACCESS_POINTS.secret.ssid)}`;
  await Promise.all(VMS.map(vm => cluster.sh(vm, begin)));
  const seconds: number[] = [];
  for (let done = 0; done < wanted; done += VMS.length * BATCH) {
    context.signal.throwIfAborted();
    context.progress(`association with WPA2, ${done} of ${wanted}`);
    const printed = await Promise.all(VMS.map(vm => cluster.sh(vm, associate(BATCH))));
    seconds.push(...printed.flatMap(associationSeconds));
  }
  const ours = (name: string, unit: string, values: readonly number[]) => ({
    name,
    unit,
    ours: { name: 'wpa_supplicant', values },
  });
  return [
    row({
      ...ours('wpa_supplicant’s start until it is connected, WPA2', 's', seconds),
      target: { of: 'ours', op: '<=', value: 3 },
    }),
    row({
      ...ours(`associations with WPA2 that succeeded, of ${wanted}`, '%', [(100 * seconds.length) / wanted]),
      target: { of: 'ours', op: '>=', value: 100 },
    }),
  ];
}
