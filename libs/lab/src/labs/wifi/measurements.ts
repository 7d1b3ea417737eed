import { percentile, type Target } from '../../result';
import type { Measurement } from '../vnet/measurements';
import { iperfBytes, iperfMbit } from '../vnet/parse';
import type { Pair } from '../vnet/station';
import { pings } from '../vnet/tools';

export const CLOSE = 'close to native (Virtual WiFi)';
export const MORE_CPU = 'moderately more CPU than native (Virtual WiFi)';
const atLeast95: Target = { of: 'ratio', op: '>=', value: 0.95 };
const atMost = (value: number): Target => ({ of: 'ratio', op: '<=', value });

const STREAM_SECONDS = 2;
const PINGS = 200;

type Way = 'tx' | 'rx';

/**
 * What a station's connection is worth: a TCP stream each way with what it costs, and echoes.
 * @param cpuSeconds what was spent so far by whoever is to be charged
 */
export const connection = (cpuSeconds: () => Promise<number>): readonly Measurement[] => [
  stream('tx', cpuSeconds),
  stream('rx', cpuSeconds),
  {
    name: 'ping',
    figures: [{ name: 'ping RTT, p50', unit: 'ms', target: atMost(1.05), claim: CLOSE }],
    measure: async pair => [percentile(await pings(pair, PINGS), 0.5)],
  },
];

const stream = (way: Way, cpuSeconds: () => Promise<number>): Measurement => ({
  name: `TCP ${way}`,
  figures: [
    { name: `TCP ${way}`, unit: 'Mbit/s', target: atLeast95, claim: CLOSE },
    { name: `host CPU, TCP ${way}`, unit: 's/MB', target: atMost(1.2), claim: MORE_CPU },
  ],
  async measure({ client, server }: Pair) {
    const before = await cpuSeconds();
    const back = way === 'rx' ? ' -R' : '';
    const report = await client.sh(`iperf3 -J -i 0 -c ${server.ip} -t ${STREAM_SECONDS}${back}`);
    return [iperfMbit(report), ((await cpuSeconds()) - before) / (iperfBytes(report) / 1e6)];
  },
});
