import { pbkdf2Sync } from 'node:crypto';
import { channelFrequency } from '@v3vee/contracts';
import { ACCESS_POINTS } from './topology';

/** Of wpa_supplicant: where it is asked, and what it reads. */
const CONTROL = '/run/lab';
export const CONFIGURATION = '/tmp/lab.conf';

/** The networks of all access points, by SSID, in the order of their numbers. */
const networks = [
  ...new Map(Object.values(ACCESS_POINTS).map(({ ssid, passphrase }) => [ssid, passphrase] as const)),
];

/** MHz. All of the lab is at 2.4 GHz: looked at first; all channels of both bands take four seconds. */
const FIRST = Array.from({ length: 11 }, (_, i) => channelFrequency(1 + i)).join(' ');

/**
 * Shell: writes the configuration as the guest's own set-up does it: passphrases as the keys that they make (IEEE
 * 802.11-2020 J.4), so that nothing but the air's work is left.
 * @param enabled the one network that is joined at the start; none: none
 */
export function writeConfiguration(enabled?: string, file = CONFIGURATION): string {
  const blocks = networks.map(([ssid, passphrase]) => {
    const key = passphrase === undefined ? 'key_mgmt=NONE' : `psk=${preSharedKey(ssid, passphrase)}`;
    return `network={\n  ssid="${ssid}"\n  scan_ssid=1\n  ${key}\n  disabled=${ssid === enabled ? 0 : 1}\n}`;
  });
  const general = [`ctrl_interface=${CONTROL}`, 'p2p_disabled=1', `initial_freq_list=${FIRST}`];
  const text = [...general, ...blocks, ''].join('\n');
  return `cat >${file} <<'END'\n${text}END`;
}

const preSharedKey = (ssid: string, passphrase: string): string =>
  pbkdf2Sync(passphrase, ssid, 4096, 32, 'sha1').toString('hex');

export const startSupplicant = (wlan: string): string =>
  `wpa_supplicant -B -D nl80211 -i ${wlan} -c ${CONFIGURATION} >/dev/null`;

export const ask = (wlan: string, question: string): string => `wpa_cli -p ${CONTROL} -i ${wlan} ${question}`;

/** Shell: leaves whatever it is in, and waits until it is in that network. */
export function join(wlan: string, ssid: string): string {
  const number = networks.findIndex(([name]) => name === ssid);
  return `${ask(wlan, `select_network ${number}`)} >/dev/null
    for i in $(seq 300); do
      case "$(${ask(wlan, 'status')})" in *ssid=${ssid}*wpa_state=COMPLETED*) exit 0 ;; esac
      usleep 100000
    done
    echo "it did not get into ${ssid}:"; ${ask(wlan, 'status')}; exit 1`;
}

/** Shell: until an answer comes from there. */
export const reach = (ip: string): string =>
  `for i in $(seq 30); do ping -c 1 -W 1 ${ip} >/dev/null && exit 0; done; echo "no answer from ${ip}"; exit 1`;
