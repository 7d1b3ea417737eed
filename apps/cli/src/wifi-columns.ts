import type {
  AccessPoint,
  AirtimeEntry,
  AssociatedStation,
  Bss,
  ChannelSlot,
  RadioView,
  Station,
  WifiCounters,
  WifiEvent,
  WifiLink,
  WifiPosition,
} from '@v3vee/contracts';
import { paintState } from './terminal/colour';
import { formatAge, formatBytes, formatMilliseconds } from './terminal/quantities';
import type { Column } from './terminal/table';

const state = (text: string) => paintState(text, process.stdout);
const positionWords = (position: WifiPosition | null): string => position?.join(',') ?? '';
const dBm = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : `${Math.round(value)} dBm`;
const percent = (share: number | undefined): string =>
  share === undefined ? '' : `${(share * 100).toFixed(1)}%`;
const mbit = (rate: number | null | undefined): string | number => rate ?? '';
const droppedSum = (counters: WifiCounters | null | undefined): string | number =>
  counters ? Object.values(counters.dropped).reduce((all, count) => all + count, 0) : '';

export const radioColumns: Column<RadioView>[] = [
  { title: 'RADIO', value: radio => radio.id },
  { title: 'STATE', value: radio => radio.state, paint: state },
  { title: 'NICS', value: radio => radio.nics },
  { title: 'TUNED', value: radio => radio.status?.tuned.join(',') ?? '' },
  { title: 'CHANNELS', value: radio => radio.status?.schedule.map(slotWords).join(', ') ?? '' },
  { title: 'AIRTIME', value: radio => percent(radio.status?.airtime.share) },
  { title: 'POSITION', value: radio => positionWords(radio.position) },
  { title: 'POWER', value: radio => dBm(radio.txPower) },
  { title: 'AT-ONCE', value: radio => radio.channels, wide: true },
  { title: 'SWITCHES', value: radio => radio.status?.switches ?? '', wide: true },
  { title: 'BUFFERED', value: radio => radio.status?.buffered ?? '', wide: true },
  { title: 'TX', value: radio => radio.status?.counters.transmitFrames ?? '', wide: true },
  { title: 'RX', value: radio => radio.status?.counters.receiveFrames ?? '', wide: true },
  { title: 'DROPPED', value: radio => droppedSum(radio.status?.counters), wide: true },
];

/** One channel of a radio's schedule. */
export const slotColumns: Column<ChannelSlot>[] = [
  { title: 'CHANNEL', value: slot => slot.channel },
  { title: 'SHARE', value: slot => percent(slot.share) },
  { title: 'SLICE', value: slot => (slot.sliceMs === 0 ? '' : formatMilliseconds(slot.sliceMs)) },
  { title: 'ADDRESSES', value: slot => slot.addresses.join(',') },
];

export const accessPointColumns: Column<AccessPoint>[] = [
  { title: 'NAME', value: accessPoint => accessPoint.name },
  { title: 'SSID', value: accessPoint => accessPoint.ssid },
  { title: 'SECURITY', value: accessPoint => accessPoint.security },
  { title: 'CHANNEL', value: accessPoint => accessPoint.channel },
  { title: 'NETWORK', value: accessPoint => accessPoint.network },
  { title: 'STATE', value: accessPoint => accessPoint.state, paint: state },
  {
    title: 'STATIONS',
    value: accessPoint => (accessPoint.state === 'UNKNOWN' ? '' : accessPoint.stations.length),
  },
  { title: 'AIRTIME', value: accessPoint => percent(accessPoint.airtime?.share) },
  { title: 'POSITION', value: accessPoint => positionWords(accessPoint.position) },
  { title: 'REASON', value: accessPoint => accessPoint.reason },
  { title: 'BSSID', value: accessPoint => accessPoint.bssid, wide: true },
  { title: 'POWER', value: accessPoint => dBm(accessPoint.txPower), wide: true },
  { title: 'BEACON', value: accessPoint => `${accessPoint.beaconInterval} TU`, wide: true },
  { title: 'HIDDEN', value: accessPoint => (accessPoint.hidden ? 'yes' : 'no'), wide: true },
  { title: 'TX', value: accessPoint => accessPoint.counters?.transmitFrames ?? '', wide: true },
  { title: 'RX', value: accessPoint => accessPoint.counters?.receiveFrames ?? '', wide: true },
  { title: 'RETRIES', value: accessPoint => accessPoint.counters?.retries ?? '', wide: true },
];

/** A station of one access point. */
export const associatedColumns: Column<AssociatedStation>[] = [
  { title: 'STATION', value: station => station.nic ?? station.address },
  { title: 'ADDRESS', value: station => station.address },
  { title: 'STATE', value: station => station.state, paint: state },
  { title: 'POWER-SAVE', value: station => (station.power === 'SAVING' ? 'yes' : 'no') },
  { title: 'BUFFERED', value: station => station.buffered },
  { title: 'SIGNAL', value: station => dBm(station.signal) },
  { title: 'TX-MBIT', value: station => mbit(station.transmitRate) },
  { title: 'RX-MBIT', value: station => mbit(station.receiveRate) },
  { title: 'TX', value: station => formatBytes(station.counters.transmitBytes) },
  { title: 'RX', value: station => formatBytes(station.counters.receiveBytes) },
  { title: 'RETRIES', value: station => station.counters.retries },
  { title: 'FOR', value: station => formatAge(station.associatedAt) },
];

export const stationColumns: Column<Station>[] = [
  { title: 'STATION', value: station => station.name },
  { title: 'RADIO', value: station => station.radio },
  { title: 'STATE', value: station => station.state, paint: state },
  { title: 'SSID', value: station => station.status?.ssid ?? '' },
  { title: 'AP', value: station => station.status?.accessPoint ?? station.status?.bssid ?? '' },
  { title: 'CHANNEL', value: station => station.status?.channel ?? '' },
  { title: 'SIGNAL', value: station => dBm(station.status?.signal) },
  { title: 'TX-MBIT', value: station => mbit(station.status?.transmitRate) },
  { title: 'RX-MBIT', value: station => mbit(station.status?.receiveRate) },
  {
    title: 'TX',
    value: station => (station.status ? formatBytes(station.status.counters.transmitBytes) : ''),
  },
  {
    title: 'RX',
    value: station => (station.status ? formatBytes(station.status.counters.receiveBytes) : ''),
  },
  { title: 'RETRIES', value: station => station.status?.counters.retries ?? '' },
  {
    title: 'POWER-SAVE',
    value: station => (station.status ? (station.status.power === 'SAVING' ? 'yes' : 'no') : ''),
  },
  { title: 'ADDRESS', value: station => station.mac, wide: true },
  { title: 'DECLARED', value: station => station.declared ?? '', wide: true },
  { title: 'FAILED', value: station => station.status?.counters.failed ?? '', wide: true },
  { title: 'DROPPED', value: station => droppedSum(station.status?.counters), wide: true },
  { title: 'AIRTIME', value: station => percent(station.status?.airtime.share), wide: true },
  { title: 'FOR', value: station => formatAge(station.status?.associatedAt ?? null), wide: true },
];

export const airtimeColumns: Column<AirtimeEntry>[] = [
  { title: 'ANTENNA', value: entry => entry.antenna },
  { title: 'NAME', value: entry => entry.name },
  { title: 'CHANNEL', value: entry => entry.channel ?? '' },
  { title: 'SHARE', value: entry => percent(entry.share) },
  { title: 'AIRTIME', value: entry => formatMilliseconds(entry.airtimeUs / 1_000) },
  { title: 'FRAMES', value: entry => entry.frames },
  { title: 'BYTES', value: entry => formatBytes(entry.bytes) },
  { title: 'RETRIES', value: entry => entry.retries },
  { title: 'FAILED', value: entry => entry.failed },
  { title: 'ADDRESS', value: entry => entry.address, wide: true },
];

export const bssColumns: Column<Bss>[] = [
  { title: 'BSSID', value: bss => bss.bssid },
  { title: 'SSID', value: bss => bss.ssid },
  { title: 'CHANNEL', value: bss => bss.channel },
  { title: 'SIGNAL', value: bss => dBm(bss.signal) },
  { title: 'SECURITY', value: bss => bss.security },
  { title: 'AP', value: bss => bss.accessPoint ?? '' },
  { title: 'SEEN', value: bss => `${formatMilliseconds(bss.seenMs)} ago` },
  { title: 'FREQ', value: bss => `${bss.freq} MHz`, wide: true },
  { title: 'BEACON', value: bss => `${bss.beaconInterval} TU`, wide: true },
];

export const wifiLinkColumns: Column<WifiLink>[] = [
  { title: 'FROM', value: link => link.from },
  { title: 'TO', value: link => link.to },
  {
    title: 'DISTANCE',
    value: link => (link.distance === null ? '' : `${Number(link.distance.toFixed(1))} m`),
  },
  { title: 'SNR', value: link => `${Number(link.snr.toFixed(1))} dB` },
  { title: 'SIGNAL', value: link => dBm(link.signal) },
  { title: 'BY', value: link => (link.fixed ? 'set-snr' : 'position') },
];

export const wifiEventColumns: Column<WifiEvent>[] = [
  { title: 'AT', value: event => event.at },
  { title: 'AP', value: event => event.accessPoint },
  { title: 'STATION', value: event => event.nic ?? event.address },
  { title: 'EVENT', value: event => event.event },
  { title: 'REASON', value: event => event.reason },
  { title: 'ADDRESS', value: event => event.address, wide: true },
];

function slotWords({ channel, share }: ChannelSlot): string {
  return `${channel} (${percent(share)})`;
}
