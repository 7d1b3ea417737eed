import { percentile } from '../../result';
import type { Measurement } from '../vnet/measurements';
import { iperfMbit } from '../vnet/parse';
import type { Pair } from '../vnet/station';
import { pings } from '../vnet/tools';

export type Way = 'tx' | 'rx';

/** How much of a measurement a pair gets: a card of which every access is an exit moves some frames a second. */
export interface Amount {
  pings: number;
  streamSeconds: number;
  /** Options of iperf3. */
  stream: string;
  /** Streams each way, at most, before anything counts. */
  warmStreams: number;
}
export const usual: Amount = { pings: 100, streamSeconds: 2, stream: '', warmStreams: 5 };
/** What is in its socket must be sent before a stream ends: little is put there. */
export const slow: Amount = { pings: 10, streamSeconds: 3, stream: '-w 16K -l 1400', warmStreams: 1 };

/** Goodput of one TCP connection at its receiver, Mbit/s; `rx`: the client, which has the card, receives. */
export async function tcpStream(
  { client, server }: Pair,
  way: Way,
  { streamSeconds, stream }: Pick<Amount, 'streamSeconds' | 'stream'>,
  port?: number,
): Promise<number> {
  const options = [way === 'rx' ? '-R' : '', stream, port === undefined ? '' : `-p ${port}`];
  const command = `iperf3 -J -i 0 -c ${server.ip} -t ${streamSeconds} ${options.join(' ')}`;
  return iperfMbit(await client.sh(command.trim()));
}

/** What is measured of each way to use a card, so much of it as the pair's amount says. */
export interface CardMeasurement extends Omit<Measurement, 'measure'> {
  /** `goodput` has its targets, `time` its own. */
  kind: 'goodput' | 'time';
  measure(pair: Pair, amount?: Amount): Promise<number[]>;
}

const tcp = (way: Way): CardMeasurement => ({
  name: `TCP ${way}`,
  kind: 'goodput',
  figures: [{ name: `TCP ${way}`, unit: 'Mbit/s' }],
  measure: async (pair, amount = usual) => [await tcpStream(pair, way, amount)],
});

export const measurements: readonly CardMeasurement[] = [
  {
    name: 'ping',
    kind: 'time',
    figures: [{ name: 'ping RTT, p50', unit: 'ms' }],
    measure: async (pair, amount = usual) => [percentile(await pings(pair, amount.pings), 0.5)],
  },
  tcp('tx'),
  tcp('rx'),
];

/**
 * Traffic both ways until the engine has translated what a stream runs. It is over when a stream was no faster than the
 * best before it.
 */
export async function warmUp(pair: Pair, amount = usual): Promise<void> {
  await pings(pair, amount.pings);
  for (const way of ['tx', 'rx'] as const) {
    let best = 0;
    for (let i = 0; i < amount.warmStreams; i++) {
      const speed = await tcpStream(pair, way, amount);
      if (speed < best * 1.1) break;
      best = speed;
    }
  }
}
