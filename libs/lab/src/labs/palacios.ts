import { BareGuest, Guest, type BootImage, type Firmware } from '@v3vee/machine';
import { debianImage } from '../guest-image';
import type { Lab, LabContext } from '../lab';
import { row } from '../result';
import { SerialShell } from '../serial-shell';

/**
 * CPU-bound work of a guest. Each takes some seconds: long against one echo on the serial line (milliseconds).
 * The same text runs on both sides.
 */
const jobs = {
  'md5sum of 32 MiB': 'dd if=/dev/zero bs=1M count=32 2>/dev/null | md5sum',
  'sha256sum of 16 MiB': 'dd if=/dev/zero bs=1M count=16 2>/dev/null | sha256sum',
  'awk, 300,000 rounds': `awk 'BEGIN { for (i = 0; i < 300000; i++) s += i * i % 7; print s }'`,
  'shell, 60,000 rounds': 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; echo $i',
};
const CLAIM = 'within 5 % of native (IPDPS’10, abstract)';
const MEMORY_MIB = 64;

interface Side {
  machine: { run(): Promise<void>; pause(): Promise<void> };
  shell: SerialShell;
}

/** What Palacios's presence costs a guest that computes. */
export const palaciosLab: Lab = {
  name: 'palacios',
  summary: 'CPU jobs of a guest under Palacios against the same jobs on the bare engine',
  defaultRuns: 7,
  async run(context) {
    context.progress('preparing the image');
    const { image, firmware } = await debianImage();
    context.progress('booting a guest under Palacios and one on the bare engine');
    const ours = await underPalacios(context, image, firmware);
    const bare = await onBareEngine(context, image, firmware);
    const rows = [];
    for (const [name, command] of Object.entries(jobs)) {
      const seconds = { ours: [] as number[], bare: [] as number[] };
      // The first runs translate the job's code; both sides are warm afterwards.
      for (let i = -2; i < context.runs; i++) {
        context.signal.throwIfAborted();
        context.progress(`${name}, ${Math.max(i + 1, 0)} of ${context.runs}`);
        // One at a time and in alternating order: they must not share a core, and drift must hit both.
        const order = i % 2 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const);
        for (const side of order) {
          const took = await alone(side === 'ours' ? ours : bare, command);
          if (i >= 0) seconds[side].push(1 / took);
        }
      }
      rows.push(
        row({
          name,
          unit: 'jobs per CPU second',
          baseline: { name: 'bare engine', values: seconds.bare },
          ours: { name: 'under Palacios', values: seconds.ours },
          claim: CLAIM,
          target: { of: 'ratio', op: '>=', value: 0.95 },
        }),
      );
    }
    return rows;
  },
};

/**
 * CPU seconds of this process for one job: unlike the clock they do not count what other processes of a shared
 * machine take. Only the guest that is measured runs; an idle one takes time too, and the bare engine takes a lot.
 */
async function alone({ machine, shell }: Side, command: string): Promise<number> {
  await machine.run();
  try {
    await shell.run('true');
    const before = process.cpuUsage();
    await shell.run(command);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  } finally {
    await machine.pause();
  }
}

async function underPalacios(context: LabContext, image: BootImage, firmware: Firmware): Promise<Side> {
  const guest = await Guest.create({ memoryMiB: MEMORY_MIB, image, firmware, nics: [] });
  context.cleanup(() => guest.terminate());
  const shell = new SerialShell(text => guest.writeConsole(text));
  guest.onConsole(data => shell.heard(data));
  await guest.boot();
  await guest.run();
  await guest.config.up(60_000);
  await guest.config.configure({ hostname: 'lab', nics: [] });
  await shell.ready(context.signal);
  await guest.pause();
  return { machine: guest, shell };
}

async function onBareEngine(context: LabContext, image: BootImage, firmware: Firmware): Promise<Side> {
  const shell: SerialShell = new SerialShell(text => guest.writeConsole(text));
  const cmdline = `console=ttyS0 tsc=reliable panic=-1 ${image.cmdline}`;
  const guest = await BareGuest.boot(
    { memoryMiB: MEMORY_MIB, firmware, image: { ...image, cmdline } },
    data => shell.heard(data),
  );
  context.cleanup(() => guest.terminate());
  await shell.ready(context.signal);
  await guest.pause();
  return { machine: guest, shell };
}
