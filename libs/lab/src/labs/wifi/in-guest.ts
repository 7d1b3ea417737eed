import type { Pair } from '../vnet/station';
import { join, reach, startSupplicant, writeConfiguration } from './supplicant';
import { ACCESS_POINTS, type AccessPointName } from './topology';
import type { WifiCluster } from './wifi-cluster';

const ACCESS_POINT = 'wlan0';
const STATION = 'wlan1';
const HERE = '10.20.0.1';
const THERE = '10.20.0.2';
const OTHER_NAMESPACE = '/run/lab.pid';
const inOther = (command: string): string => `nsenter -t $(cat ${OTHER_NAMESPACE}) -n ${command}`;

/**
 * Both ends of a Wi-Fi network inside one guest: hwsim's own medium hands frames from one of its radios to the other.
 * The second one is in a network namespace, so that what goes from one to the other goes over the air.
 */
const SET_UP = `set -e
insmod /lib/modules/mac80211_hwsim.ko radios=2
unshare -n sleep 1000000000 >/dev/null 2>&1 </dev/null &
echo $! >${OTHER_NAMESPACE}
# It is in a namespace of its own a moment later.
until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do usleep 20000; done
iw phy phy1 set netns $!
ip addr add ${HERE}/24 dev ${ACCESS_POINT}
${inOther(`ip addr add ${THERE}/24 dev ${STATION}`)}
${writeConfiguration()}
${inOther(startSupplicant(STATION))}
cd /; iperf3 -s -D >/dev/null 2>&1`;

/** As our own access points are: 802.11g. */
function hostapd(accessPoint: AccessPointName): string {
  const { ssid, channel, passphrase } = ACCESS_POINTS[accessPoint];
  const lines = [
    ...[`interface=${ACCESS_POINT}`, 'driver=nl80211', `ssid=${ssid}`, 'hw_mode=g', `channel=${channel}`],
    ...(passphrase === undefined
      ? []
      : ['wpa=2', 'wpa_key_mgmt=WPA-PSK', 'rsn_pairwise=CCMP', `wpa_passphrase=${passphrase}`]),
  ];
  return `killall hostapd 2>/dev/null && while pidof hostapd >/dev/null; do usleep 20000; done
cat >/tmp/hostapd.conf <<'END'\n${lines.join('\n')}\nEND
hostapd -B /tmp/hostapd.conf >/tmp/hostapd.log || { cat /tmp/hostapd.log; exit 1; }`;
}

export class InGuest {
  private constructor(private readonly cluster: WifiCluster) {}

  static async setUp(cluster: WifiCluster): Promise<InGuest> {
    await cluster.sh('g', SET_UP);
    return new InGuest(cluster);
  }

  async use(accessPoint: AccessPointName): Promise<void> {
    await this.cluster.sh('g', hostapd(accessPoint));
    await this.cluster.sh('g', join(STATION, ACCESS_POINTS[accessPoint].ssid));
    await this.reach();
  }

  async reach(): Promise<void> {
    await this.cluster.sh('g', inOther(`sh -c '${reach(HERE)}'`));
  }

  /** The station and who is behind the access point, in the one guest. */
  get pair(): Pair {
    const server = this.cluster.station('g', HERE);
    const client = { ...server, ip: THERE, sh: (command: string) => server.sh(inOther(command)) };
    const at = async () => undefined;
    return { client, server: { ...server, run: at, pause: at } };
  }
}
