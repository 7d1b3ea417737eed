import { BareGuest, Guest, type BootImage, type Firmware } from '@v3vee/machine';
import type { LabContext } from '../../lab';
import { SerialShell } from '../../serial-shell';

const MEMORY_MIB = 64;

/** A guest that works, on one engine or the other. */
export interface Side {
  machine: { run(): Promise<void>; pause(): Promise<void> };
  shell: SerialShell;
}

/**
 * CPU seconds of this process for one job: unlike the clock they do not count what other processes of a shared
 * machine take. Only the guest that is measured runs; an idle one takes time too, and the bare engine takes a lot.
 */
export async function alone({ machine, shell }: Side, command: string): Promise<number> {
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

export async function underPalacios(
  context: LabContext,
  image: BootImage,
  firmware: Firmware,
): Promise<Side> {
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

export async function onBareEngine(context: LabContext, image: BootImage, firmware: Firmware): Promise<Side> {
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
