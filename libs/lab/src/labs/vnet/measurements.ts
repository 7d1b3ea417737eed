import { percentile, type Target } from '../../result';
import type { Pair } from './station';
import {
  floodedFrames,
  pings,
  preparePktgen,
  requestResponse,
  tcpFrames,
  tcpStream,
  udpStream,
} from './tools';

/** One or more figures that one run of a tool gives. */
export interface Measurement {
  /** For the progress line. */
  name: string;
  figures: readonly { name: string; unit: string; target?: Target; claim?: string }[];
  /** The values of the figures, in their order. */
  measure(pair: Pair): Promise<number[]>;
  /** Long measurements are repeated less often. */
  share?: number;
}

const STREAM_SECONDS = 2;
const PINGS = 200;
const ROUNDS = 50;

export const NATIVE_SPEED = 'native at 1 Gbps (VNET/P)';
export const NATIVE_95 = 'above 95 % of native (VNET/P, NAS)';

/** Of the overlay against native. */
const atLeast95: Target = { of: 'ratio', op: '>=', value: 0.95 };
const atMost105: Target = { of: 'ratio', op: '<=', value: 1.05 };

export const tcp: Measurement = {
  name: 'TCP stream',
  figures: [{ name: 'TCP stream', unit: 'Mbit/s', target: atLeast95, claim: NATIVE_SPEED }],
  measure: async pair => [await tcpStream(pair, STREAM_SECONDS)],
};

export const rtt: Measurement = {
  name: 'ping',
  figures: [
    { name: 'ping RTT, least', unit: 'ms' },
    { name: 'ping RTT, p50', unit: 'ms', target: atMost105, claim: NATIVE_95 },
    { name: 'ping RTT, p99', unit: 'ms' },
  ],
  async measure(pair) {
    const times = await pings(pair, PINGS);
    return [Math.min(...times), percentile(times, 0.5), percentile(times, 0.99)];
  },
};

const frames = (
  size: string,
  measure: (pair: Pair, bytes: number) => Promise<number>,
  bytes: number,
): Measurement => ({
  name: `frames of ${size}`,
  figures: [{ name: `frames of ${size}`, unit: 'frames/s' }],
  measure: async pair => [await measure(pair, bytes)],
  share: 0.6,
});

/** What the overlay is compared with native by. */
export const all: readonly Measurement[] = [
  tcp,
  {
    name: 'UDP stream',
    figures: [{ name: 'UDP stream, received', unit: 'Mbit/s' }],
    measure: async pair => [await udpStream(pair, 1)],
  },
  {
    name: 'TCP request/response',
    figures: [{ name: 'TCP request/response, 1 byte', unit: 'ms', target: atMost105, claim: NATIVE_95 }],
    measure: async pair => [await requestResponse(pair, ROUNDS)],
  },
  rtt,
  frames('64 B, flooded', floodedFrames, 64),
  frames('1514 B, flooded', floodedFrames, 1514),
  frames('9000 B, TCP', tcpFrames, 9000),
  frames('64 KiB, TCP', tcpFrames, 65_535),
];

const WARM_STREAM_SECONDS = 3;
const MOST_WARM_STREAMS = 12;

/**
 * Traffic until the engine has translated what the measurements run: the first run of a job is several times slower.
 * It is over when two streams in a row were no faster than the best before them.
 */
export async function warmUp(pair: Pair): Promise<void> {
  let best = 0;
  for (let i = 0, settled = 0; i < MOST_WARM_STREAMS && settled < 2; i++) {
    const speed = await tcpStream(pair, WARM_STREAM_SECONDS);
    settled = speed < best * 1.1 ? settled + 1 : 0;
    best = Math.max(best, speed);
  }
  await pings(pair, PINGS);
}

/** Each measurement once, for what its tool and its kind of traffic have not warmed up yet. */
export async function rehearse(pair: Pair): Promise<void> {
  await preparePktgen(pair);
  for (const { measure } of all) await measure(pair);
}
