import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { V3Error } from '@v3vee/contracts';
import { withLock } from '@v3vee/setup';
import type { GuestIdentity } from '../config-channel/config-client';
import { readStateFile, writeStateFile } from '../state/state-file';
import type { MachineState } from '../state/machine-state';
import { Guest } from '../worker/guest';
import type { GuestOptions } from '../worker/guest-options';
import { templateKey, type TemplateSource } from './template-key';

/**
 * Templates: a guest's state just after its boot, taken once per image and machine shape, from which VMs start in
 * a fraction of a second. A template's guest is nobody yet: it gets its name, cards, clock and randomness through
 * its configuration channel when it starts.
 */

/** A boot takes 7 s on a free core; many may boot at once on few cores. */
const BOOT_TIMEOUT_MS = 240_000;

/** Templates that this process has loaded; each is one copy of guest memory that all guests start from. */
const loaded = new Map<string, Promise<MachineState>>();

export interface TemplateOptions extends TemplateSource {
  /** Folder of all templates, e.g. `<cache>/templates`. */
  dir: string;
  /** As of `GuestOptions`. */
  deviceModules?: string[];
  /** Told before a boot, which takes some seconds. */
  onBoot?: () => void;
}

/**
 * The template of an image and machine shape, booted first where there is none, or where the one there is damaged.
 * The image must have a configuration agent and a guest agent.
 */
export function ensureTemplate(options: TemplateOptions): Promise<MachineState> {
  const key = templateKey(options);
  const path = join(options.dir, key, 'state.v3s');
  let template = loaded.get(path);
  if (!template) {
    template = loadOrBoot(options, path);
    loaded.set(path, template);
    template.catch(() => loaded.delete(path));
  }
  return template;
}

/** Gives back the memory of all loaded templates; the next start reads its template from disk again. */
export function unloadTemplates(): void {
  loaded.clear();
}

/** Whether the template is on disk already, so that a start will not have to boot. */
export async function hasTemplate(options: TemplateSource & { dir: string }): Promise<boolean> {
  const path = join(options.dir, templateKey(options), 'state.v3s');
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A guest that runs from a template and knows who it is: it answers on its network. */
export async function startFromTemplate(
  template: MachineState,
  options: GuestOptions,
  identity: GuestIdentity,
): Promise<Guest> {
  const guest = await Guest.create(options);
  try {
    await guest.load(template);
    await guest.run();
    await guest.config.configure(identity);
    return guest;
  } catch (error) {
    await guest.terminate();
    throw error;
  }
}

async function loadOrBoot(options: TemplateOptions, path: string): Promise<MachineState> {
  const found = await tryRead(path);
  if (found) return found;
  return withLock(`${join(options.dir, templateKey(options))}.lock`, async () => {
    const other = await tryRead(path);
    if (other) return other;
    options.onBoot?.();
    const state = await bootOnce(options);
    await mkdir(join(path, '..'), { recursive: true });
    await rm(path, { force: true });
    await writeStateFile(path, state);
    return state;
  });
}

/** Undefined if there is none or it cannot be used: it is then booted anew. */
async function tryRead(path: string): Promise<MachineState | undefined> {
  try {
    return await readStateFile(path);
  } catch (error) {
    const { code } = V3Error.from(error);
    if (code === 'STATE_CORRUPT' || code === 'STATE_INCOMPATIBLE') return undefined;
    throw error;
  }
}

async function bootOnce({
  image,
  memoryMiB,
  nicCount,
  cards = [],
  wifiCount,
  devices,
  deviceModules,
  firmware,
}: TemplateOptions): Promise<MachineState> {
  const nics = Array.from({ length: nicCount }, (_, index) => ({
    mac: `02:00:00:00:00:0${index}`,
    mtu: 1500,
  }));
  // Nobody gives such a guest the cards: it finds them on its bus, and no driver is loaded yet.
  const sharing = { access: 'vpio', word: new SharedArrayBuffer(4), ticket: 1 } as const;
  const guest = await Guest.create({
    ...{ memoryMiB, image, firmware, nics, wifiCount, devices, deviceModules },
    cards: cards.map(({ model, shared }, index) => ({
      model,
      mac: `02:00:00:00:01:0${index}`,
      sharing: shared ? sharing : undefined,
    })),
  });
  const failed = new Promise<never>((_, reject) => {
    guest.onExit(({ reason }) => reject(new V3Error('GUEST_FAILED', `the image does not boot: ${reason}`)));
  });
  failed.catch(() => {});
  try {
    await guest.boot();
    await guest.run();
    await Promise.race([settled(guest), failed]);
    await guest.pause();
    return await guest.save();
  } finally {
    await guest.terminate();
  }
}

/** Both agents answer; the second answer of the guest agent comes when its start-up work is over. */
async function settled(guest: Guest): Promise<void> {
  await guest.config.up(BOOT_TIMEOUT_MS);
  await guest.agent.ping(BOOT_TIMEOUT_MS);
  await guest.agent.ping(BOOT_TIMEOUT_MS);
}
