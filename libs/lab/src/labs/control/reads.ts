import { processStats } from '../../process-stats';
import { percentile, row, type LabRow } from '../../result';
import type { LabContext } from '../../lab';
import type { LabCluster } from '../../cluster';
import { startChild } from './child';
import { grpcReader, rawCall, restReader, type Reader } from './doors';
import { NOTHING } from './empty-service';
import { openLoop, type Load } from './open-loop';
import { DEFINED, vmName } from './topology';
import type { Access } from './access';

const PACE = { rate: 200, seconds: 10 };
const MOST_MS = 50;

interface Side {
  reader: Reader;
  loads: Load[];
}

/** Lists and single VMs in turns at both doors, each beside an endpoint with nothing behind it. */
export async function reads(context: LabContext, cluster: LabCluster, access: Access): Promise<LabRow[]> {
  const empty = (await startChild<{ url: string; grpc: string }>(context, 'empty-service')).first;
  const vms = Array.from({ length: DEFINED }, (_, index) => vmName(index + 1));
  const nothing = [{ path: NOTHING, message: Buffer.alloc(0) }];
  const doors = [
    {
      ...{ name: 'REST', baseline: 'empty Nest endpoint' },
      empty: side(restReader(empty.url, {}, ['/nothing'])),
      ours: side(
        restReader(
          access.url,
          cluster.client.headers(),
          vms.flatMap(vm => ['/v1/vms', `/v1/vms/${vm}`]),
        ),
      ),
    },
    {
      ...{ name: 'gRPC', baseline: 'empty grpc-js method' },
      empty: side(grpcReader(empty.grpc, access.token, nothing)),
      ours: side(
        grpcReader(
          access.grpc,
          access.token,
          vms.flatMap(vm => [rawCall('listVms', {}), rawCall('getVm', { vm })]),
        ),
      ),
    },
  ];
  const cpu = new Map<string, number[]>(doors.map(({ name }) => [name, []]));
  for (const { empty, ours } of doors) {
    // What V8 compiles at first is no user's usual day.
    for (const { reader } of [empty, ours])
      await openLoop(reader.read, { rate: 100, seconds: 3 }, context.signal);
  }
  for (let run = 0; run < context.runs; run++) {
    for (const door of doors) {
      context.progress(`${door.name}, ${PACE.rate} reads/s, ${run + 1} of ${context.runs}`);
      for (const each of run % 2 ? [door.ours, door.empty] : [door.empty, door.ours]) {
        const before = await processStats(access.pid);
        each.loads.push(await openLoop(each.reader.read, PACE, context.signal));
        const used = (await processStats(access.pid)).cpuSeconds - before.cpuSeconds;
        if (each === door.ours) cpu.get(door.name)?.push((used / PACE.seconds) * 100);
      }
    }
  }
  const rows = doors.flatMap(({ name, baseline, empty, ours }) => {
    const of = (share: number) => ({
      unit: 'ms',
      paired: true,
      baseline: { name: baseline, values: at(share, empty) },
      ours: { name: 'gateway', values: at(share, ours) },
    });
    const target = { of: 'ours', op: '<=', value: MOST_MS } as const;
    const what = `reads over ${name}, ${PACE.rate}/s, ${DEFINED} VMs`;
    return [
      row({ name: `${what}, p99`, ...of(0.99), target }),
      row({ name: `${what}, p50`, ...of(0.5) }),
      row({
        name: `${what}, gateway, of a core`,
        unit: '%',
        ours: { name: 'CPU', values: cpu.get(name) ?? [] },
      }),
      row({
        ...{ name: `${what}, failed`, unit: 'requests' },
        ours: { name: 'failed', values: ours.loads.map(({ failures }) => failures.length) },
        target: { of: 'ours', op: '<=', value: 0 },
      }),
    ];
  });
  for (const { empty, ours } of doors) for (const { reader } of [empty, ours]) reader.close();
  return rows;
}

const side = (reader: Reader): Side => ({ reader, loads: [] });

const at = (share: number, { loads }: Side): number[] =>
  loads.map(({ latenciesMs }) => percentile(latenciesMs, share));
