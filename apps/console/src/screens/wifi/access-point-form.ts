import type { AccessPoint } from '@v3vee/contracts';
import { numberOf, shown, type Values } from '../../forms/form-model';

export interface AccessPointValues extends Values {
  name: string;
  ssid: string;
  network: string;
  secured: string;
  /** Empty: as it is. */
  passphrase: string;
  channel: string;
  txPower: string;
  beaconInterval: string;
  hidden: boolean;
  isPlaced: boolean;
  'position[0]': string;
  'position[1]': string;
}

/** What the gateway takes where they are left empty. */
export const defaultsOfAccessPoint = { txPower: '20', beaconInterval: '100' };

export function initialOf(present: AccessPoint | undefined, network = ''): AccessPointValues {
  const position = present?.position ?? null;
  return {
    name: present?.name ?? '',
    ssid: present?.ssid ?? '',
    network: present?.network ?? network,
    secured: present?.security ?? 'wpa2-psk',
    passphrase: '',
    channel: String(present?.channel ?? 6),
    txPower: shown(present?.txPower),
    beaconInterval: shown(present?.beaconInterval),
    hidden: present?.hidden ?? false,
    isPlaced: present === undefined || position !== null,
    'position[0]': shown(position?.[0] ?? 0),
    'position[1]': shown(position?.[1] ?? 0),
  };
}

/** @param present that is changed; undefined: one is made */
export function bodyOf(values: AccessPointValues, present: AccessPoint | undefined): object {
  const isOpen = values.secured === 'open';
  const passphrase = isOpen || values.passphrase === '' ? undefined : values.passphrase;
  // An empty coordinate is told by the schema.
  const position = values.isPlaced
    ? [numberOf(values['position[0]']) ?? NaN, numberOf(values['position[1]']) ?? NaN]
    : undefined;
  const both = {
    ssid: values.ssid,
    network: values.network,
    channel: Number(values.channel),
    txPower: numberOf(values.txPower),
    beaconInterval: numberOf(values.beaconInterval),
    hidden: values.hidden,
  };
  if (!present) return { name: values.name, ...both, passphrase, position };
  // One that was open stays so by not being named.
  const taken = isOpen && present.security !== 'open' ? null : passphrase;
  return { ...both, passphrase: taken, position: position ?? null };
}
