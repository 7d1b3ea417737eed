import type { WifiCounters } from '@v3vee/contracts';
import type { Way } from '../vpio/measurements';
import type { Counted } from './wifi-cluster';

/** What happened between two readings. */
export interface Passed {
  ms: number;
  /** Of each VM, in their order: data with its 802.11 headers, and what it took of the medium. */
  bytes: number[];
  airtimeMs: number[];
  /** Of the medium's time, by all these VMs. */
  share: number;
  /** Frames that nobody acknowledged, of the VMs and towards them. */
  failed: number;
  /** Frames for which there was no room: in the radio's queues or in those of access points. */
  overflowed: number;
  /** Attempts beyond the first. */
  retries: number;
}

/**
 * @param way whether the bytes are those that the VMs sent, or those that they received
 * @throws Error where a VM is not connected, or counters began anew: what happened in between is not known then
 */
export function passed(before: Counted, after: Counted, vms: readonly string[], way: Way): Passed {
  const ms = after.at - before.at;
  const grown = (what: (counted: Counted) => number): number => {
    const growth = what(after) - what(before);
    if (growth >= 0) return growth;
    throw new Error('counters of Wi-Fi began anew while they were read');
  };
  const sum = (of: (vm: string) => number) => sumOf(vms.map(of));
  const moved = way === 'tx' ? 'transmitBytes' : 'receiveBytes';
  const own = (vm: string, what: (counters: WifiCounters) => number) =>
    grown(counted => what(stationOf(counted, vm).counters));
  const towards = (vm: string, what: (counters: WifiCounters) => number) =>
    grown(counted => what(seenOf(counted, vm)));
  const both = (what: (counters: WifiCounters) => number) => sum(vm => own(vm, what) + towards(vm, what));
  const airtimeMs = vms.map(vm => grown(counted => stationOf(counted, vm).airtime.airtimeUs) / 1_000);
  return {
    ms,
    bytes: vms.map(vm => own(vm, counters => counters[moved])),
    airtimeMs,
    share: sumOf(airtimeMs) / ms,
    failed: both(({ failed }) => failed),
    overflowed: both(({ dropped }) => (dropped.overflow ?? 0) + (dropped['queue-full'] ?? 0)),
    retries: both(({ retries }) => retries),
  };
}

function stationOf({ stations }: Counted, vm: string) {
  const status = stations.find(({ name }) => name === `${vm}/wlan0`)?.status;
  if (!status) throw new Error(`the wifi service says nothing of ${vm}: does it run?`);
  return status;
}

/** As its access point counts what it sends to it. */
function seenOf({ accessPoints }: Counted, vm: string): WifiCounters {
  for (const { stations } of accessPoints) {
    const found = stations.find(({ nic }) => nic === `${vm}/wlan0`);
    if (found) return found.counters;
  }
  throw new Error(`${vm} is at no access point`);
}

/** Of all VMs. */
export const megabytesOf = ({ bytes }: Passed): number => sumOf(bytes) / 1e6;
export const mbitOf = ({ ms, bytes }: Passed): number => (sumOf(bytes) * 8) / ms / 1_000;

const sumOf = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** How far the one that is farthest off is off an equal share, in percent of such a share. @throws RangeError where nobody got any */
export function offEqualShares(values: readonly number[]): number {
  const mean = sumOf(values) / values.length;
  if (!(mean > 0)) throw new RangeError('nobody got anything: there are no shares');
  return (100 * Math.max(...values.map(value => Math.abs(value - mean)))) / mean;
}
