import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFirmware, ensureImage, resolvePaths } from '@v3vee/setup';
import type { GuestIdentity } from '../config-channel/config-client';
import { ImageStore } from '../image';
import type { MachineState } from '../state/machine-state';
import { ensureTemplate, startFromTemplate, type TemplateOptions } from '../template/template';
import { Guest } from '../worker/guest';
import type { GuestOptions } from '../worker/guest-options';

/** Real guests of a built-in image for end-to-end tests; all that were made are ended by {@link Guests.stop}. */
export class Guests {
  private readonly made: Guest[] = [];

  private constructor(readonly template: TemplateOptions) {}

  static async prepare(name = 'debian', wifiCount = 0): Promise<Guests> {
    const { cache } = resolvePaths();
    await ensureImage(name, { cache });
    const firmware = await ensureFirmware({ cache });
    const image = await new ImageStore({ builtIn: join(cache, 'images') }).load(name);
    const [bios, vgaBios] = await Promise.all([readFile(firmware.bios), readFile(firmware.vgaBios)]);
    return new Guests({
      image,
      imageDigest: image.manifest.digest,
      memoryMiB: 64,
      nicCount: 1,
      wifiCount,
      firmware: { bios, vgaBios },
      dir: join(cache, 'templates'),
    });
  }

  options(index: number, change: Partial<GuestOptions> = {}): GuestOptions {
    const { image, firmware, memoryMiB, wifiCount } = this.template;
    return { image, firmware, memoryMiB, wifiCount, nics: [{ mac: macOf(index), mtu: 1500 }], ...change };
  }

  /** A stopped, empty machine. */
  async create(index = 0, change: Partial<GuestOptions> = {}): Promise<Guest> {
    const guest = await Guest.create(this.options(index, change));
    this.made.push(guest);
    return guest;
  }

  /** A running guest `vm<index>` with the address 10.0.0.<index + 1>. */
  async start(index = 0, change: Partial<GuestOptions> = {}): Promise<Guest> {
    return this.startAs(index, identityOf(index), change);
  }

  async startAs(index: number, identity: GuestIdentity, change: Partial<GuestOptions> = {}): Promise<Guest> {
    const { devices, deviceModules } = change;
    const template = await ensureTemplate({ ...this.template, devices, deviceModules });
    const guest = await startFromTemplate(template, this.options(index, change), identity);
    this.made.push(guest);
    return guest;
  }

  /** A running guest that goes on from a state. */
  async resume(state: MachineState, index = 0, change: Partial<GuestOptions> = {}): Promise<Guest> {
    const guest = await this.create(index, change);
    await guest.load(state);
    await guest.run();
    return guest;
  }

  async stop(): Promise<void> {
    await Promise.all(this.made.splice(0).map(guest => guest.terminate()));
  }
}

const macOf = (index: number) => `02:00:00:00:01:${(index + 16).toString(16)}`;

export const identityOf = (index: number) => ({
  hostname: `vm${index}`,
  nics: [{ mac: macOf(index), cidr: `10.0.0.${index + 1}/24`, mtu: 1500 }],
});

/** Output of a shell command in the guest, which must succeed. */
export async function sh(guest: Guest, command: string, timeoutMs = 60_000): Promise<string> {
  const { exitCode, stdout, stderr } = await guest.agent.exec({
    path: '/bin/sh',
    args: ['-c', command],
    timeoutMs,
  });
  if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}: ${stderr.toString()}`);
  return stdout.toString().trim();
}

export const uptime = async (guest: Guest): Promise<number> =>
  Number((await sh(guest, 'cut -d" " -f1 /proc/uptime')).trim());

/** Every frame of one guest to all others, as a hub does. */
export function connect(...guests: Guest[]): void {
  for (const from of guests) {
    from.onFrames((_, frames) => {
      for (const to of guests)
        if (to !== from)
          to.sendFrames(
            0,
            frames.map(frame => frame.slice()),
          );
    });
  }
}

/** How the guest ended; to be asked for before it does. */
export const ending = (guest: Guest) =>
  new Promise<{ kind: string; reason: string }>(resolve => guest.onExit(resolve));

/** Resolves when the console has printed `text`; to be asked for before it does. */
export function printed(guest: Guest, text: string): Promise<string> {
  return new Promise(resolve => {
    let all = '';
    const stop = guest.onConsole(data => {
      all += Buffer.from(data).toString('latin1');
      if (!all.includes(text)) return;
      stop();
      resolve(all);
    });
  });
}
