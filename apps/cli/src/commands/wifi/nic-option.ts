import { V3Error, type WifiNicSpec } from '@v3vee/contracts';

const keys = ['radio', 'ssid', 'passphrase', 'mac', 'ip'] as const;
type Key = (typeof keys)[number];
const isKey = (key: string | undefined): key is Key => keys.some(known => known === key);

/** What `--wifi` takes. Split only: what it says is checked with the whole definition. */
export function addWifi(text: string, before: WifiNicSpec[]): WifiNicSpec[] {
  const nic: Partial<Record<Key, string>> = {};
  for (const part of text.split(',')) {
    const [key, value] = part.split(/=(.*)/s);
    if (!isKey(key) || !value || key in nic) {
      throw new V3Error(
        'USAGE',
        `--wifi: "${key ?? ''}" is not understood; write radio=radio0,ssid=home,passphrase=…,ip=dhcp ` +
          '(all but the radio may be left out); what has a comma in it is for a cluster file',
      );
    }
    nic[key] = value;
  }
  if (!nic.radio) throw new V3Error('USAGE', '--wifi needs radio=NAME');
  return [...before, { ...nic, radio: nic.radio }];
}
