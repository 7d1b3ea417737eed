import type { Bss } from './bss-table';
import type { Turn } from './channels';
import { consolidatedSleep } from './consolidation';
import type { DropReason, Station, StationState } from './station';
import type { VmDrop, VmPort } from './vm-port';

/** A vMAC for the control plane. */
export interface StationStatus {
  vmId: string;
  address: string;
  state: StationState | 'scanning';
  bssid: string | undefined;
  ssid: string | undefined;
  aid: number | undefined;
  /** When it associated, in the clock's ms. */
  since: number | undefined;
  /** MHz. */
  freq: number | undefined;
  /** dBm of the last beacon. */
  signal: number | undefined;
  /** Of the last frame, in 100 kbit/s. */
  txRate: number | undefined;
  rxRate: number | undefined;
  txFrames: number;
  txBytes: number;
  txRetries: number;
  /** Not acknowledged. */
  txFailed: number;
  rxFrames: number;
  rxBytes: number;
  /** µs. */
  airtime: number;
  /** The guest sleeps. */
  powerSave: boolean;
  /** Its access point buffers, since the radio is elsewhere. */
  away: boolean;
  /** Frames that wait. */
  queued: number;
  drops: Partial<Record<DropReason, number>>;
}

export interface VmStatus {
  vmId: string;
  epoch: number;
  monitor: boolean;
  drops: Record<VmDrop, number>;
}

export type BssStatus = Omit<Bss, 'beacon' | 'probeResponse' | 'told' | 'heard'> & {
  /** ms since it was heard. */
  age: number;
};

export interface RadioStatus {
  id: string;
  /** dBm in use. */
  txPower: number;
  /** MHz it listens on. */
  tuned: number[];
  /** Channels that vMACs want, or for which frames wait. */
  schedule: Turn[];
  /** All vMACs sleep: one that is awake keeps the radio awake. */
  sleeps: boolean;
  switches: number;
  /** Absences that an access point did not acknowledge. */
  unannounced: number;
  /** Probe requests that were answered from the table. */
  mergedProbes: number;
  /** Beacons told again. */
  replayedBeacons: number;
  /** Messages of VMs that are not here, or of an older epoch. */
  stale: number;
}

export function stationStatus(station: Station, now: number): StationStatus {
  const { sent } = station;
  // Whoever did not get to join in time does not any more.
  const state = station.until <= now ? 'idle' : station.state;
  const scans = station.phy.scans(now) && state === 'idle';
  return {
    vmId: station.vm.id,
    address: station.address,
    state: scans ? 'scanning' : state,
    bssid: station.bssid,
    ssid: station.ssid,
    aid: station.aid,
    since: state === 'associated' ? station.since : undefined,
    freq: station.freq,
    signal: station.signal,
    txRate: station.txRate,
    rxRate: station.rxRate,
    txFrames: sent.frames,
    txBytes: sent.bytes,
    txRetries: sent.retries,
    txFailed: sent.failed,
    rxFrames: station.received,
    rxBytes: station.receivedBytes,
    airtime: sent.airtime,
    powerSave: station.sleeps,
    away: station.away,
    queued: station.queued,
    drops: { ...station.drops },
  };
}

export const vmStatus = ({ id, epoch, monitor, drops }: VmPort): VmStatus => ({
  vmId: id,
  epoch,
  monitor,
  drops: { ...drops },
});

export function bssStatus(
  { bssid, freq, channel, ssid, privacy, interval, signal, heard }: Bss,
  now: number,
): BssStatus {
  return { bssid, freq, channel, ssid, privacy, interval, signal, age: now - heard };
}

export const allSleep = (stations: Iterable<Station>): boolean =>
  consolidatedSleep([...stations].filter(({ state }) => state !== 'idle').map(({ sleeps }) => sleeps));
