/**
 * What the guests' tools print, as figures. The text comes over a serial line from inside a guest: whatever does not
 * look as the tool writes it is an error that quotes it, never a figure.
 */

interface IperfReport {
  error?: string;
  end?: {
    sum_received?: { bits_per_second?: number; bytes?: number };
    sum?: { packets?: number; lost_packets?: number; seconds?: number };
  };
}

function iperfReport(text: string): IperfReport {
  let report: IperfReport;
  try {
    report = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)) as IperfReport;
  } catch {
    throw unexpected('iperf3', text);
  }
  if (report.error !== undefined) throw new Error(`iperf3 failed: ${report.error}`);
  return report;
}

/** Goodput of `iperf3 -J` at the receiver, Mbit/s. */
export function iperfMbit(text: string): number {
  const bits = iperfReport(text).end?.sum_received?.bits_per_second;
  if (typeof bits !== 'number') throw unexpected('iperf3', text);
  return bits / 1e6;
}

/** Bytes that came to the receiver of `iperf3 -J`. */
export function iperfBytes(text: string): number {
  const bytes = iperfReport(text).end?.sum_received?.bytes;
  if (!bytes) throw unexpected('iperf3', text);
  return bytes;
}

/** Of `iperf3 -u -J`: datagrams that arrived, per second, and the share that did not. */
export function iperfDatagrams(text: string): { perSecond: number; lost: number } {
  const { packets, lost_packets: lost, seconds } = iperfReport(text).end?.sum ?? {};
  if (!packets || lost === undefined || !seconds) throw unexpected('iperf3', text);
  return { perSecond: (packets - lost) / seconds, lost: lost / packets };
}

/** Round-trip times of busybox's `ping`, ms, in order. */
export function pingTimes(text: string): number[] {
  const times = [...text.matchAll(/\btime=([\d.]+) ms/g)].map(match => Number(match[1]));
  if (times.length === 0) throw unexpected('ping', text);
  return times;
}

/**
 * Round-trip time of NetPIPE's ping-pong, ms. It prints half of it (`1: 1 bytes 100 times --> 0.01 Mbps in 635.00
 * usec`), of the best of its seven trials.
 */
export function netpipeMs(text: string): number {
  const match = /^\s*\d+:\s+\d+ bytes\s+\d+ times\s+-->\s+[\d.]+ Mbps in\s+([\d.]+) usec/m.exec(text);
  if (!match) throw unexpected('NPtcp', text);
  return (2 * Number(match[1])) / 1000;
}

/** Two readings of a counter, `COUNT UPTIME` (seconds) a line; how much it grew per second. */
export function growthPerSecond(text: string): number {
  const readings = [...text.matchAll(/^(\d+) ([\d.]+)/gm)].map(([, count, at]) => [
    Number(count),
    Number(at),
  ]);
  const [first, last] = [readings.at(0), readings.at(-1)] as [number[], number[]] | [undefined, undefined];
  if (!first || !last || last[1]! <= first[1]!) throw unexpected('the counters', text);
  return (last[0]! - first[0]!) / (last[1]! - first[1]!);
}

function unexpected(tool: string, text: string): Error {
  const quoted = text.length > 400 ? `${text.slice(0, 200)} … ${text.slice(-200)}` : text;
  return new Error(`${tool} printed what cannot be read: ${quoted || '(nothing)'}`);
}
