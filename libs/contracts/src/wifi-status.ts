/** What there is to see of Virtual WiFi: what the wifi service tells, and what REST makes of it. */
import { z } from 'zod';
import { macAddress, resourceName } from './quantities';
import { antennaId, txPower, wifiPositionOrNone, wifiSecurity } from './wifi';

const instant = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC');
const count = z.int().min(0);

/** Of the medium: how long `share` looks back. */
export const AIRTIME_WINDOW_MS = 10_000;
const share = z.number().min(0).max(1).describe('of the last 10 s');

/** 802.11 frames of one address, without FCS. */
export const wifiCounters = z.object({
  transmitFrames: count,
  transmitBytes: count,
  retries: count.describe('attempts beyond the first'),
  failed: count.describe('frames given up: no attempt was acknowledged'),
  receiveFrames: count,
  receiveBytes: count,
  dropped: z.record(z.string(), count).describe('by reason; `spoofed`: sent under an address of another'),
});
export type WifiCounters = z.infer<typeof wifiCounters>;

/** What one address took of the medium. */
export const airtimeUse = z.object({
  airtimeUs: z.number().min(0).describe('in all, acknowledgements and gaps included'),
  share,
});
export type AirtimeUse = z.infer<typeof airtimeUse>;

export const powerStates = ['ACTIVE', 'SAVING'] as const;
const power = z.enum(powerStates).describe('SAVING: it said that it sleeps (power management bit)');
const mbit = z.number().min(0).describe('Mbit/s of the latest frame');
const dBm = z.number().describe('dBm');

export const stationStates = ['DOWN', 'UP', 'AUTHENTICATED', 'ASSOCIATED', 'ACCESS_POINT'] as const;
/** An attached Wi-Fi NIC, as its host's radio sees it. */
export const stationStatus = z.object({
  vmId: z.uuid(),
  index: z.int().min(0).describe('0 for wlan0'),
  radio: antennaId,
  address: macAddress,
  state: z
    .enum(stationStates)
    .describe('DOWN: the interface is down; UP: without a connection; ACCESS_POINT: it is one (hostapd)'),
  power,
  ssid: z.string().nullable().describe('that it is connected to, or offers'),
  bssid: z.string().nullable(),
  accessPoint: z.string().nullable().describe('whose BSSID that is: ap/home, or a NIC such as a2/wlan0'),
  channel: z.int().nullable().describe('where it is tuned to'),
  signal: dBm.nullable().describe('dBm of the latest frame from its access point'),
  transmitRate: mbit.nullable(),
  receiveRate: mbit.nullable(),
  associatedAt: instant.nullable(),
  counters: wifiCounters,
  airtime: airtimeUse,
});
export type StationStatus = z.infer<typeof stationStatus>;

export const bss = z.object({
  bssid: z.string(),
  ssid: z.string().describe('empty: hidden'),
  channel: z.int(),
  freq: z.int().describe('MHz'),
  signal: dBm,
  beaconInterval: z.int(),
  security: z.enum(['open', 'wpa2-psk', 'wpa3-sae', 'other']),
  seenMs: z.number().min(0).describe('since its latest beacon or probe response'),
  accessPoint: z.string().nullable().describe('ap/home, or a NIC such as a2/wlan0'),
});
export type Bss = z.infer<typeof bss>;

/** Whose turn a channel is on a radio. */
export const channelSlot = z.object({
  channel: z.int(),
  sliceMs: z.number().min(0).describe('of one turn; 0: it needs no turns, the radio stays there'),
  share: z.number().min(0).max(1).describe('of the radio’s time'),
  addresses: z.array(z.string()).describe('the vMACs that are on it'),
});
export type ChannelSlot = z.infer<typeof channelSlot>;

export const radioStatus = z.object({
  id: antennaId,
  tuned: z.array(z.int()).describe('channels that it is on now'),
  schedule: z.array(channelSlot),
  switches: count.describe('of channel, so far'),
  buffered: count.describe('frames of the guests that wait for their channel now'),
  counters: wifiCounters,
  airtime: airtimeUse,
  bss: z.array(bss).describe('heard by any of its VMs'),
});
export type RadioStatus = z.infer<typeof radioStatus>;

/** A station as its access point sees it. */
export const associatedStation = z.object({
  address: macAddress,
  nic: z.string().nullable().describe('a1/wlan0; null: no VM of this cluster'),
  state: z
    .enum(['AUTHENTICATED', 'ASSOCIATED', 'AUTHORIZED'])
    .describe('AUTHORIZED: its data is let through'),
  power,
  buffered: count.describe('frames that wait until it wakes up'),
  signal: dBm.nullable(),
  transmitRate: mbit.nullable().describe('towards the station'),
  receiveRate: mbit.nullable(),
  associatedAt: instant.nullable(),
  counters: wifiCounters,
});
export type AssociatedStation = z.infer<typeof associatedStation>;

export const accessPointStates = ['UP', 'ERROR'] as const;
export const accessPointStatus = z.object({
  name: resourceName,
  state: z.enum(accessPointStates),
  reason: z.string(),
  stations: z.array(associatedStation),
  counters: wifiCounters,
  airtime: airtimeUse,
});
export type AccessPointStatus = z.infer<typeof accessPointStatus>;

/** From one antenna to another, as far as the medium is concerned. */
export const wifiLink = z.object({
  from: antennaId,
  to: antennaId,
  distance: z.number().min(0).nullable().describe('metres; null: one of the two is nowhere'),
  snr: z.number().describe('dB'),
  signal: dBm.describe('at the receiver'),
  fixed: z.boolean().describe('the SNR was set; positions do not count'),
});
export type WifiLink = z.infer<typeof wifiLink>;

export const wifiEventKinds = [
  'AUTHENTICATED',
  'ASSOCIATED',
  'AUTHORIZED',
  'REFUSED',
  'HANDSHAKE_FAILED',
  'DISCONNECTED',
  'ROAMED',
] as const;
/** What happened between a station and a built-in access point. */
export const wifiEvent = z.object({
  at: instant,
  accessPoint: resourceName,
  address: macAddress,
  nic: z.string().nullable().describe('a1/wlan0; null: no VM of this cluster'),
  event: z.enum(wifiEventKinds),
  reason: z.string().describe('for people; with 802.11’s reason or status code where there is one'),
});
export type WifiEvent = z.infer<typeof wifiEvent>;

// ---- What REST shows --------------------------------------------------------------------------------------------

export const radioView = z.object({
  id: antennaId,
  host: resourceName,
  name: resourceName,
  position: wifiPositionOrNone,
  txPower,
  channels: z.int(),
  dedicated: z.boolean().describe('one VM has it to itself'),
  state: z
    .enum(['READY', 'UNKNOWN'])
    .describe('UNKNOWN: the wifi service does not answer, or has it not yet'),
  status: radioStatus.omit({ id: true, bss: true }).nullable(),
  nics: z.int().describe('Wi-Fi NICs that use it by definition'),
});
export type RadioView = z.infer<typeof radioView>;

export const accessPoint = z.object({
  name: resourceName,
  bssid: z.string(),
  ssid: z.string(),
  security: wifiSecurity,
  channel: z.int(),
  network: resourceName,
  position: wifiPositionOrNone,
  txPower,
  beaconInterval: z.int(),
  hidden: z.boolean(),
  state: z.enum([...accessPointStates, 'UNKNOWN']),
  reason: z.string(),
  stations: z.array(associatedStation),
  counters: wifiCounters.nullable().describe('null while the wifi service does not answer'),
  airtime: airtimeUse.nullable(),
  createdAt: z.iso.datetime(),
});
export type AccessPoint = z.infer<typeof accessPoint>;

export const station = z.object({
  name: z.string().describe('a1/wlan0'),
  vm: resourceName,
  host: resourceName,
  radio: antennaId,
  mac: z.string(),
  declared: z.string().nullable().describe('the SSID that it is to join'),
  state: z
    .enum([...stationStates, 'DETACHED', 'UNKNOWN'])
    .describe('DETACHED: its VM does not run; UNKNOWN: the wifi service does not answer'),
  status: stationStatus.omit({ vmId: true, index: true, radio: true, address: true, state: true }).nullable(),
});
export type Station = z.infer<typeof station>;

/** One address on the medium. */
export const airtimeEntry = airtimeUse.extend({
  antenna: antennaId,
  name: z.string().describe('a1/wlan0, or ap/home'),
  address: z.string(),
  channel: z.int().nullable(),
  frames: count,
  bytes: count,
  retries: count,
  failed: count,
});
export type AirtimeEntry = z.infer<typeof airtimeEntry>;
