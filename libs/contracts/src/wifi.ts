/**
 * Virtual WiFi: the radios of hosts, the air they share, access points and the VMs' stations (Xia et al., "Virtual WiFi:
 * Bring Virtualization from Wired to Wireless", VEE'11). The whole 802.11 stack runs in the guest; the host distributes
 * frames by the address (vMAC) that it gave to the VM.
 */
import { z } from 'zod';
import { ipWithPrefix, macAddress, resourceName } from './quantities';

const range = (first: number, last: number, step: number): number[] =>
  Array.from({ length: (last - first) / step + 1 }, (_, index) => first + index * step);

/** 20 MHz channels of 2.4 GHz and 5 GHz (IEEE 802.11-2020, annex E); a number is of one band only. */
export const wifiChannels: readonly number[] = [
  ...range(1, 13, 1),
  ...range(36, 64, 4),
  ...range(100, 144, 4),
  ...range(149, 165, 4),
];
export const wifiChannel = z.int().refine(channel => wifiChannels.includes(channel), {
  message: 'a channel is 1 to 13 (2.4 GHz), or 36, 40 … 64, 100 … 144, 149 … 165 (5 GHz)',
});
/** Centre frequency of a channel, MHz. */
export const channelFrequency = (channel: number): number =>
  channel <= 13 ? 2407 + 5 * channel : 5000 + 5 * channel;
/** The channel at a centre frequency in MHz; undefined: it is none of `wifiChannels`. */
export const frequencyChannel = (freq: number): number | undefined =>
  wifiChannels.find(channel => channelFrequency(channel) === freq);

export const ssid = z
  .string()
  .refine(text => text.length > 0 && new TextEncoder().encode(text).length <= 32, {
    message: 'an SSID has 1 to 32 bytes',
  })
  .refine(text => !/\p{Cc}/u.test(text), { message: 'an SSID here has no control characters' });
/** Of WPA2-PSK (IEEE 802.11-2020, J.4.1). A secret: taken, never given. */
export const passphrase = z
  .string()
  .regex(/^[\x20-\x7e]{8,63}$/, 'a passphrase has 8 to 63 printable ASCII characters');
export const wifiSecurity = z.enum(['open', 'wpa2-psk']);
export type WifiSecurity = z.infer<typeof wifiSecurity>;
export const securityOf = (secret: string | null | undefined): WifiSecurity =>
  secret === null || secret === undefined ? 'open' : 'wpa2-psk';

const metres = z.number().min(-100_000).max(100_000);
/** Metres on a plane. */
export const wifiPosition = z.tuple([metres, metres], 'a position is [x, y] in metres');
export type WifiPosition = z.infer<typeof wifiPosition>;
export const wifiPositionOrNone = wifiPosition
  .nullable()
  .describe('[x, y] in metres; null: nowhere, so that all hear it alike');
export const txPower = z
  .number()
  .min(-10, 'transmit power is from -10 to 30 dBm')
  .max(30, 'transmit power is from -10 to 30 dBm')
  .describe('dBm');
/** Time units of 1024 µs; hostapd's range. */
export const beaconInterval = z.int().min(15).max(65_535).describe('TU of 1024 µs');

/** Whoever is on the air by itself: a host's radio, `alpha/radio0`, or a built-in access point, `ap/home`. */
export const antennaId = z
  .string()
  .regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'write HOST/RADIO, for example alpha/radio0, or ap/NAME');
/** No host that has radios can be called so. */
export const ACCESS_POINTS = 'ap';
export const radioId = (host: string, radio: string): string => `${host}/${radio}`;
export const accessPointId = (name: string): string => `${ACCESS_POINTS}/${name}`;

/** Where 802.11 frames are captured. */
export const airPlace = z.object({
  antennas: z.array(antennaId).min(1).describe('what they send and hear; one that comes later counts too'),
  address: macAddress.nullable().describe('a vMAC: only what it sends and is sent; null: all'),
});
export type AirPlace = z.infer<typeof airPlace>;

/** A host's radio as it is declared; the rest is as by default. */
export const radio = z.strictObject({
  name: resourceName,
  position: wifiPosition.optional().describe('[x, y] in metres; none: all hear it alike'),
  txPower: txPower.optional(),
  channels: z
    .int()
    .min(1, 'a radio is on at least one channel')
    .max(8, 'a radio is on at most 8 channels at once')
    .optional()
    .describe('on how many channels it is at once; a real card: 1, the default'),
  dedicated: z
    .boolean()
    .optional()
    .describe('one VM has it to itself: nothing is shared, scheduled or enforced; `channels` means nothing'),
});
export type Radio = z.infer<typeof radio>;
export const defaultRadio = { txPower: 20, channels: 1, dedicated: false };

/** A radio as the wifi service runs it. */
export interface RadioConfig {
  /** `alpha/radio0` */
  id: string;
  host: string;
  name: string;
  /** Null: nowhere. */
  position: WifiPosition | null;
  txPower: number;
  channels: number;
  dedicated: boolean;
}

const accessPointFields = {
  ssid,
  channel: wifiChannel,
  network: resourceName.describe('the overlay network that it bridges into'),
  txPower,
  beaconInterval,
  hidden: z.boolean().describe('beacons without the SSID'),
};
export const accessPointSpec = z.strictObject({
  name: resourceName,
  ...accessPointFields,
  passphrase: passphrase.optional().describe('WPA2-PSK; none: open'),
  position: wifiPosition.optional(),
  txPower: txPower.optional(),
  beaconInterval: beaconInterval.optional(),
  hidden: z.boolean().optional(),
});
export type AccessPointSpec = z.infer<typeof accessPointSpec>;
export const defaultAccessPoint = { txPower: 20, beaconInterval: 100, hidden: false };
export const accessPointPatch = z
  .strictObject({
    ...accessPointFields,
    position: wifiPositionOrNone,
    passphrase: passphrase.nullable().describe('null: open from now on'),
  })
  .partial();
export type AccessPointPatch = z.infer<typeof accessPointPatch>;

/** An access point as the wifi service runs it. */
export interface AccessPointConfig {
  name: string;
  /** Lower case with colons. */
  bssid: string;
  ssid: string;
  /** Null: open. */
  passphrase: string | null;
  channel: number;
  network: string;
  /** The network's number. */
  vni: number;
  /** Null: nowhere. */
  position: WifiPosition | null;
  txPower: number;
  beaconInterval: number;
  hidden: boolean;
}

/** An SNR that holds between two antennas in both directions, whatever their positions say. */
export interface FixedSnr {
  /** The two ids in their order as strings. */
  a: string;
  b: string;
  /** dB. */
  snr: number;
}
export const wifiSnr = z
  .number()
  .min(-50, 'an SNR is from -50 to 100 dB')
  .max(100, 'an SNR is from -50 to 100 dB');

/** A VM's Wi-Fi NIC, wlan0, wlan1 … by its place in the list. */
export const wifiNicSpec = z
  .strictObject({
    radio: resourceName.describe('of the VM’s host'),
    ssid: ssid.optional().describe('joined when the guest starts; none: the guest is left to do as it likes'),
    passphrase: passphrase.optional().describe('WPA2-PSK; none: the SSID is an open one'),
    mac: macAddress.optional().describe('its vMAC; chosen by the gateway when absent'),
    ip: z
      .string()
      .refine(text => text === 'dhcp' || ipWithPrefix.safeParse(text).success, {
        message: 'dhcp, or an address with its prefix, is needed, for example 10.10.0.11/24',
      })
      .optional()
      .describe('set in the guest when it is connected; or dhcp'),
  })
  .refine(nic => nic.passphrase === undefined || nic.ssid !== undefined, {
    path: ['passphrase'],
    message: 'a passphrase is of an SSID; say which with "ssid"',
  });
export type WifiNicSpec = z.infer<typeof wifiNicSpec>;
export const wifiNicSpecs = z.array(wifiNicSpec).max(4, 'a VM has at most 4 Wi-Fi NICs');

/** A VM's Wi-Fi NIC as clients see it. */
export const wifiNic = z.object({
  name: z.string().describe('its name in the guest, wlan0…'),
  radio: resourceName,
  ssid: z.string().nullable(),
  security: wifiSecurity.nullable().describe('null: no SSID is declared'),
  mac: z.string(),
  ip: z.string().nullable().describe('as declared: an address with its prefix, or dhcp'),
  ips: z.array(z.string()).describe('as the guest reports them; the configured address until it does'),
});
export type WifiNic = z.infer<typeof wifiNic>;
