import type { Vm } from '@v3vee/contracts';
import { ArpProbe } from '../arp-probe';
import { LabCluster } from '../cluster';
import type { Lab, LabContext } from '../lab';
import { processStats } from '../process-stats';
import { qemuColdBoot, qemuGuest } from '../qemu';
import { row, type LabRow } from '../result';

const STEPS = ['v3 up', 'from the template', 'cold boot', 'idle VMs'] as const;
const PROBE_ADDRESS = '10.10.0.250';
const MANY = 12;
/** Long enough that a few ticks of CPU accounting (10 ms each) don't matter, short enough for a lab. */
const IDLE_SECONDS = 10;

/** How fast a VM and a cluster start, and what idle VMs cost. */
export const startLab: Lab = {
  name: 'start',
  summary:
    'from "v3 vm start" and "v3 up" to answering guests; cold boot beside QEMU TCG; the cost of idle VMs',
  claims: [],
  minutes: 5,
  defaultRuns: 5,
  async run(context) {
    const rows: LabRow[] = [];
    context.step(STEPS, 'v3 up');
    const up = await measureUp(context);
    rows.push(...up.rows);
    context.step(STEPS, 'from the template');
    rows.push(await fromTemplate(context, up.cluster, up.probe));
    context.step(STEPS, 'cold boot');
    rows.push(await coldBoot(context, up.cluster, up.probe));
    await up.probe.stop();
    await up.cluster.cluster.down();
    context.step(STEPS, 'idle VMs');
    rows.push(...(await idle(context)));
    return rows;
  },
};

async function measureUp(
  context: LabContext,
): Promise<{ rows: LabRow[]; cluster: LabCluster; probe: ArpProbe }> {
  const seconds: number[] = [];
  const lost: number[] = [];
  for (let i = 0; ; i++) {
    context.signal.throwIfAborted();
    context.progress(`v3 up, ${i + 1} of ${context.runs}`);
    const begin = performance.now();
    const cluster = await LabCluster.up(context);
    const probe = await probeOf(cluster);
    const vms = await cluster.client.list('listVms');
    const answers = await Promise.all(vms.map(vm => probeVm(probe, vm)));
    seconds.push((Math.max(...answers) - begin) / 1000);
    lost.push(await lostOfFirst(cluster, vms));
    if (i + 1 >= context.runs) {
      const rows = [
        row({
          name: '"v3 up", warm caches, until all three VMs answer',
          unit: 's',
          ours: { name: 'v3 up', values: seconds },
          target: { of: 'ours', op: '<=', value: 20 },
        }),
        row({
          name: 'first pings between VMs of two hosts that were lost, of 3',
          unit: 'pings',
          ours: { name: 'a1 → b1', values: lost },
          target: { of: 'ours', op: '<=', value: 0 },
        }),
      ];
      return { rows, cluster, probe };
    }
    await probe.stop();
    await cluster.cluster.down();
  }
}

/** Pings from the first VM to the last right after the start, when no address is resolved and no route cached. */
async function lostOfFirst(cluster: LabCluster, vms: Vm[]): Promise<number> {
  const to = vms.find(vm => vm.name === 'b1')?.nics[0]?.ips[0]?.split('/')[0] ?? '';
  const result = await cluster.cluster.v3(['vm', 'exec', 'a1', '--', 'ping', '-c', '3', to]);
  const received = /(\d+) packets received/.exec(result.stdout);
  if (!received) throw new Error(`ping said: ${result.stdout}${result.stderr}`);
  return 3 - Number(received[1]);
}

async function fromTemplate(context: LabContext, cluster: LabCluster, probe: ArpProbe): Promise<LabRow> {
  const ms: number[] = [];
  for (let i = 0; i < context.runs * 2; i++) {
    context.progress(`v3 vm start from the template, ${i + 1} of ${context.runs * 2}`);
    ms.push(await startedMs(context, cluster, probe));
  }
  return row({
    name: '"v3 vm start" until the guest answers ARP, from the template',
    unit: 'ms',
    ours: { name: 'template', values: ms },
    target: { of: 'ours', op: '<=', value: 1500 },
  });
}

async function coldBoot(context: LabContext, cluster: LabCluster, probe: ArpProbe): Promise<LabRow> {
  const runs = Math.min(context.runs, 3);
  await cluster.client.operate('stopVm', { vm: 'a1' }, { body: {} });
  await cluster.client.call('updateVm', { vm: 'a1' }, { body: { boot: 'cold' } });
  const ours: number[] = [];
  const qemu: number[] = [];
  const measureQemu = await qemuBaseline(context);
  for (let i = 0; i < runs; i++) {
    context.progress(`cold boot, ${i + 1} of ${runs}`);
    ours.push((await startedMs(context, cluster, probe)) / 1000);
    if (measureQemu) qemu.push((await measureQemu()) / 1000);
  }
  if (!measureQemu) context.progress('QEMU is not installed: the cold boot has no baseline');
  return row({
    name: 'cold boot until the guest answers ARP',
    unit: 's',
    baseline: qemu.length ? { name: 'QEMU TCG, same kernel', values: qemu } : null,
    ours: { name: 'V3VEE', values: ours },
  });
}

async function qemuBaseline(context: LabContext): Promise<(() => Promise<number>) | undefined> {
  const guest = await qemuGuest(context);
  return guest && (() => qemuColdBoot(guest, context.signal));
}

/** From the user's command to the first answer on the network, ms. */
async function startedMs(context: LabContext, cluster: LabCluster, probe: ArpProbe): Promise<number> {
  context.signal.throwIfAborted();
  const vm = await cluster.vm('a1');
  const vni = await networkNumber(cluster, probe);
  if (vm.state === 'RUNNING') await cluster.client.operate('stopVm', { vm: 'a1' }, { body: {} });
  const port = await probe.join(vni);
  const begin = performance.now();
  const answer = probe.firstAnswer(port, vm);
  const [at] = await Promise.all([answer, cluster.cluster.ok(['vm', 'start', 'a1'])]);
  return at - begin;
}

async function networkNumber(cluster: LabCluster, probe: ArpProbe): Promise<number> {
  const b1 = await cluster.vm('b1');
  return probe.networkOf(b1.nics[0]?.mac ?? '');
}

async function probeOf(cluster: LabCluster): Promise<ArpProbe> {
  return ArpProbe.start(await cluster.cluster.natsUrl(), PROBE_ADDRESS);
}

async function probeVm(probe: ArpProbe, vm: Vm): Promise<number> {
  const port = await probe.join(await probe.networkOf(vm.nics[0]?.mac ?? ''));
  return probe.firstAnswer(port, vm);
}

async function idle(context: LabContext): Promise<LabRow[]> {
  context.progress(`${MANY} idle VMs of 64 MiB`);
  const cluster = await LabCluster.up(context, manyVms());
  const probe = await probeOf(cluster);
  const vms = await cluster.client.list('listVms');
  const hosts = await Promise.all(['alpha', 'beta'].map(host => cluster.service(`palacios-${host}`)));
  const answered = await Promise.all(vms.map(vm => probeVm(probe, vm)));
  const cpu: number[] = [];
  const resident: number[] = [];
  context.progress('until what a start leaves behind is done');
  await settle(hosts);
  for (let i = 0; i < context.runs; i++) {
    context.signal.throwIfAborted();
    context.progress(`${MANY} idle VMs for ${IDLE_SECONDS} s, ${i + 1} of ${context.runs}`);
    const used = await measure(hosts, IDLE_SECONDS);
    cpu.push((used.cores / MANY) * 100);
    resident.push(used.residentMiB / MANY);
  }
  await probe.stop();
  return [
    row({
      name: `VMs of ${MANY} that answer at once on one machine`,
      unit: 'VMs',
      ours: { name: 'answering', values: [answered.length] },
      target: { of: 'ours', op: '>=', value: MANY },
    }),
    row({
      name: 'an idle VM, of one core',
      unit: '%',
      ours: { name: `1 of ${MANY}`, values: cpu },
      target: { of: 'ours', op: '<=', value: 5 },
    }),
    row({
      name: 'an idle 64 MiB VM, resident memory (its Palacios shared out)',
      unit: 'MiB',
      ours: { name: `1 of ${MANY}`, values: resident },
      target: { of: 'ours', op: '<=', value: 150 },
    }),
  ];
}

/** What the processes use over a while: cores busy on average, and resident memory at its end. */
async function measure(
  processes: { pid: number }[],
  seconds: number,
): Promise<{ cores: number; residentMiB: number }> {
  const read = () => Promise.all(processes.map(({ pid }) => processStats(pid)));
  const sum = (stats: Awaited<ReturnType<typeof read>>, of: 'cpuSeconds' | 'residentMiB') =>
    stats.reduce((total, entry) => total + entry[of], 0);
  const begin = performance.now();
  const before = await read();
  await new Promise(resolve => setTimeout(resolve, seconds * 1000));
  const after = await read();
  const elapsed = (performance.now() - begin) / 1000;
  const cores = (sum(after, 'cpuSeconds') - sum(before, 'cpuSeconds')) / elapsed;
  return { cores, residentMiB: sum(after, 'residentMiB') };
}

/** Guests that have just started still translate code and start programs: waits until their load stopped falling. */
async function settle(processes: { pid: number }[]): Promise<void> {
  const [window, most] = [5, 24];
  let last = Infinity;
  for (let i = 0, steady = 0; i < most && steady < 2; i++) {
    const { cores } = await measure(processes, window);
    steady = cores >= last * 0.9 ? steady + 1 : 0;
    last = cores;
  }
}

/** Six VMs on each of two hosts. */
function manyVms(): string {
  const vm = (i: number) =>
    `  vm${i}: { host: ${i % 2 ? 'alpha' : 'beta'}, memory: 64MiB, nics: [{ network: lan, ip: 10.10.0.${10 + i}/24 }] }`;
  return [
    'hosts: { alpha: { memory: 1GiB, cores: 8 }, beta: { memory: 1GiB, cores: 8 } }',
    'networks: { lan: { subnet: 10.10.0.0/24 } }',
    'vms:',
    ...Array.from({ length: MANY }, (_, i) => vm(i + 1)),
    '',
  ].join('\n');
}
