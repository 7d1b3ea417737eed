import { resolvePaths } from '@v3vee/setup';
import { join } from 'node:path';
import {
  ensureTemplate,
  startFromTemplate,
  type Firmware,
  type Guest,
  type LoadedImage,
  type MachineState,
} from '@v3vee/machine';
import type { LabContext } from '../../lab';
import { row, type LabRow } from '../../result';
import { threadTimes } from '../../thread-times';

const MEMORY_MIB = 64;
/** Of the machine that this runs on, whose cores the VMs share. */
const COUNTS = [1, 2, 4, 8];
/** What is compared: as many VMs as there are cores, and four to a core. */
const [FEW, MANY] = [2, 8];
/** Of a core for each VM, until its code is translated and the translation is the optimised one. */
const WARM_UP_MS = 5_000;
const CORES = 2;
/** Long against the quantum of the host's scheduler. */
const WINDOW_MS = 20_000;
/** A guest's counter of instructions wraps at 2^32: some seconds. */
const LOOK_MS = 1_000;
const COMPUTE = '(while :; do i=$((i+1)); done) >/dev/null 2>&1 &';

/** What computing VMs get done together, and how evenly, the more of them there are. */
export async function measureScaling(
  context: LabContext,
  image: LoadedImage,
  firmware: Firmware,
): Promise<LabRow[]> {
  const template = await ensureTemplate({
    ...{ image, imageDigest: image.manifest.digest, memoryMiB: MEMORY_MIB, nicCount: 0, firmware },
    dir: join(resolvePaths().cache, 'templates'),
  });
  const runs = new Map<number, Together[]>(COUNTS.map(count => [count, []]));
  for (let run = 0; run < Math.min(context.runs, 3); run++) {
    for (const count of COUNTS) {
      context.signal.throwIfAborted();
      context.progress(`${count} VMs that compute, round ${run + 1}`);
      runs.get(count)!.push(await together(count, template, firmware, context.signal));
    }
  }
  const sums = (count: number) => runs.get(count)!.map(({ rates }) => rates.reduce((a, b) => a + b, 0) / 1e6);
  const evenness = (of: keyof Together) => ({
    name: 'slowest / fastest',
    values: runs.get(MANY)!.map(each => Math.min(...each[of]) / Math.max(...each[of])),
  });
  return [
    ...COUNTS.filter(count => count !== FEW && count !== MANY).map(count =>
      row({
        name: `${count} VM${count > 1 ? 's' : ''}, in all`,
        unit: 'M instructions per s',
        ours: { name: `${count}`, values: sums(count) },
      }),
    ),
    row({
      name: `${MANY} VMs on two cores, in all`,
      unit: 'M instructions per s',
      baseline: { name: `${FEW} VMs`, values: sums(FEW) },
      ours: { name: `${MANY} VMs`, values: sums(MANY) },
      paired: true,
      target: { of: 'ratio', op: '>=', value: 0.9 },
    }),
    row({
      name: `${MANY} VMs: instructions, the slowest against the fastest`,
      unit: 'share',
      ours: evenness('rates'),
      target: { of: 'ours', op: '>=', value: 0.95 },
    }),
    row({
      name: `${MANY} VMs: core time, the one with the least against the one with the most`,
      unit: 'share',
      ours: evenness('coreTimes'),
      target: { of: 'ours', op: '>=', value: 0.95 },
    }),
  ];
}

/** Of each VM. */
interface Together {
  /** Instructions per second. */
  rates: number[];
  /** ns of a core that its thread had meanwhile. */
  coreTimes: number[];
}

async function together(
  count: number,
  template: MachineState,
  firmware: Firmware,
  signal: AbortSignal,
): Promise<Together> {
  const nothing = new Uint8Array(0);
  const image = {
    kernelFormat: 'elf',
    kernel: nothing,
    bootHeader: nothing,
    initrd: nothing,
    cmdline: '',
  } as const;
  const guests: Guest[] = [];
  try {
    for (let n = 0; n < count; n++) {
      const options = { memoryMiB: MEMORY_MIB, image, firmware, nics: [] };
      const guest = await startFromTemplate(template, options, { hostname: `vm${n}`, nics: [] });
      guests.push(guest);
      await guest.agent.exec({ path: '/bin/sh', args: ['-c', COMPUTE], timeoutMs: 60_000 });
    }
    await passed(WARM_UP_MS * Math.max(1, count / CORES), signal);
    const counters = guests.map(() => ({ last: 0, total: 0 }));
    const look = () =>
      Promise.all(
        guests.map(async (guest, n) => {
          const { instructions } = await guest.telemetry();
          counters[n]!.total += (instructions - counters[n]!.last) >>> 0;
          counters[n]!.last = instructions;
        }),
      );
    await look();
    for (const counter of counters) counter.total = 0;
    const before = await threadTimes(process.pid);
    const began = performance.now();
    while (performance.now() - began < WINDOW_MS) {
      await passed(LOOK_MS, signal);
      await look();
    }
    const seconds = (performance.now() - began) / 1000;
    const grown = [...(await threadTimes(process.pid))].map(
      ([thread, { ranNs }]) => ranNs - (before.get(thread)?.ranNs ?? 0),
    );
    // The guests' threads are those that computed; which is whose does not matter.
    const coreTimes = grown.sort((a, b) => b - a).slice(0, count);
    return { rates: counters.map(({ total }) => total / seconds), coreTimes };
  } finally {
    await Promise.all(guests.map(guest => guest.terminate()));
  }
}

async function passed(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, ms));
  signal.throwIfAborted();
}
