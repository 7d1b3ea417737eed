import { V3Error } from '@v3vee/contracts';
import {
  ensureTemplate,
  ENGINE_VERSION,
  Guest,
  hasTemplate,
  type BootImage,
  type CardConfig,
  type Firmware,
  type IncomingCopy,
  type LeaseWord,
  type MachineState,
  type NicConfig,
  type StoredImage,
  type TemplateCard,
  type TemplateSource,
} from '@v3vee/machine';
import type { OverlayNode } from '@v3vee/overlay';
import type { NicDefinition, VmDefinition } from '@v3vee/store';
import type { Consoles } from '../console/consoles';
import type { CoreTime } from '../host/core-time';
import type { HostDisks } from '../disks/host-disks';
import { requireDisks, type VmDisks } from '../disks/vm-disks';
import type { HostDevices } from '../vpio/host-devices';
import type { Seat } from '../vpio/physical-card';
import type { WifiLink } from '../wifi/wifi-link';
import type {
  ArrivingMachine,
  HostsEntry,
  Log,
  MachineEssence,
  Machines,
  RestoreOptions,
  Template,
} from '../lifecycle/ports';
import { MTU, type Origin } from './briefing';
import { GuestMachine } from './guest-machine';
import { NO_IMAGE, type Images } from './images';
import { memoryDigest } from './memory-digest';
import { warmUp } from './warm-up';

export interface GuestMachinesOptions {
  host: string;
  images: Images;
  firmware: Firmware;
  /** Folder of the post-boot templates, shared by all hosts. */
  templates: string;
  overlay: OverlayNode;
  consoles: Consoles;
  devices: HostDevices;
  disks: HostDisks;
  wifi: WifiLink;
  /** Until when its guests may run. */
  lease: LeaseWord;
  /** Whether they have their cores. */
  cores: CoreTime;
  /** Modules with device classes of the operator's. */
  deviceModules: string[];
  /** Of all VMs: the names that their guests are to know. */
  neighbours: () => Promise<Map<string, HostsEntry[]>>;
  log: Log;
}

/** Makes the machines of this host's VMs: each a guest in a thread of its own. */
export class GuestMachines implements Machines {
  readonly #templates = new Map<string, Promise<MachineState>>();
  /** Of those that are there. */
  readonly #memories = new Map<string, Uint8Array<SharedArrayBuffer>>();

  constructor(private readonly options: GuestMachinesOptions) {}

  async boot(definition: VmDefinition): Promise<GuestMachine> {
    const image = await this.#image(definition);
    if (hasDisc(definition))
      // Its BIOS finds it.
      return this.#make({ definition, image, boot: NO_IMAGE, origin: 'cold' }, () => Promise.resolve());
    if (definition.boot === 'cold' || !canHaveTemplate(image)) {
      const boot = await this.options.images.load(image);
      return this.#make({ definition, image, boot, origin: 'cold' }, guest => guest.boot());
    }
    const template = await this.#template(definition, image);
    return this.#make({ definition, image, boot: NO_IMAGE, origin: 'template' }, guest =>
      guest.load(template),
    );
  }

  async restore(
    definition: VmDefinition,
    state: MachineState,
    { identity, snapshot }: RestoreOptions,
  ): Promise<GuestMachine> {
    const image = await this.#image(definition);
    requireShape(definition, state);
    if (snapshot) requireDisks(definition, snapshot.disks);
    const origin = identity ? 'clone' : 'resumed';
    const disks = this.options.disks.of(definition, snapshot && { snapshotId: snapshot.id });
    return this.#make({ definition, image, boot: NO_IMAGE, origin, disks }, guest => guest.load(state));
  }

  /** What a VM boots, and what is in there: nothing is known of what is on a disc. */
  async #image(definition: VmDefinition): Promise<StoredImage> {
    const image = await this.options.images.get(definition.image);
    if (!hasDisc(definition)) return image;
    return { ...image, manifest: { ...image.manifest, agent: false, configChannel: false } };
  }

  async essence(definition: VmDefinition): Promise<MachineEssence> {
    const image = await this.#image(definition);
    const template = await this.#presentTemplate(definition, image);
    return { engineVersion: ENGINE_VERSION, imageDigest: image.manifest.digest, template };
  }

  async receive(definition: VmDefinition, template: Template | null): Promise<ArrivingMachine> {
    const image = await this.#image(definition);
    const state = template ? await this.#template(definition, image) : undefined;
    let copy: IncomingCopy | undefined;
    const machine = await this.#make({ definition, image, boot: NO_IMAGE, origin: 'moved' }, async guest => {
      if (state) await guest.load(state);
      // A physical card is not to see a guest that is nobody.
      const isWarm = state !== undefined && !definition.nics.some(isCard);
      if (isWarm) await warmUp(guest, definition.nics[0]?.mac);
      copy = await guest.copyIn(isWarm ? state.memory : undefined);
    });
    return { machine, copy: copy as IncomingCopy, settle: stoodStillMs => machine.settle(stoodStillMs) };
  }

  /** For a VM that was not booted from it too: it saves the copy of what all guests of an image have in common. */
  async #presentTemplate(definition: VmDefinition, image: StoredImage): Promise<Template | null> {
    if (!canHaveTemplate(image)) return null;
    const source = this.#templateSource(definition, image);
    const present =
      this.#templates.has(keyOf(source)) ||
      (await hasTemplate({ ...source, image: NO_IMAGE, dir: this.options.templates }));
    if (!present) return null;
    const { memory } = await this.#template(definition, image);
    return { digest: await memoryDigest(memory), memory };
  }

  /** Of the post-boot template, if it is in memory: to read it from the disk would take as long as what it saves. */
  async base(definition: VmDefinition): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
    const image = await this.#image(definition);
    return this.#memories.get(keyOf(this.#templateSource(definition, image)));
  }

  /** Likewise, or from the disk: then it helps all later ones. Not that of a template that is being booted. */
  async #captureBase(
    definition: VmDefinition,
    image: StoredImage,
  ): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
    const source = this.#templateSource(definition, image);
    const present = this.#memories.get(keyOf(source));
    if (present || !canHaveTemplate(image)) return present;
    const onDisk = await hasTemplate({ ...source, image: NO_IMAGE, dir: this.options.templates });
    return onDisk ? (await this.#template(definition, image)).memory : undefined;
  }

  /** Makes the template that such VMs start from, unless there is one or the image can have none. */
  async warmUp(definition: VmDefinition): Promise<void> {
    if (definition.boot === 'cold') return;
    const image = await this.#image(definition);
    if (canHaveTemplate(image)) await this.#template(definition, image);
  }

  /** In memory once for all VMs of its kind; other hosts find it in the cache folder. */
  #template(definition: VmDefinition, image: StoredImage): Promise<MachineState> {
    const { templates, images, deviceModules, log } = this.options;
    const source = this.#templateSource(definition, image);
    const key = keyOf(source);
    const present = this.#templates.get(key);
    if (present) return present;
    const onBoot = () =>
      log.info({ image: image.name, ...shapeOf(source) }, 'booting a template, once for all such VMs');
    const made = images
      .load(image)
      .then(boot => ensureTemplate({ dir: templates, ...source, deviceModules, image: boot, onBoot }));
    this.#templates.set(key, made);
    made.then(
      ({ memory }) => this.#memories.set(key, memory),
      () => this.#templates.delete(key),
    );
    return made;
  }

  #templateSource(
    { memoryMiB, nics, wifi, devices, disks }: VmDefinition,
    { manifest }: StoredImage,
  ): Omit<TemplateSource, 'image'> {
    const cards: TemplateCard[] = nics
      .filter(isCard)
      .map(({ model, access }) => ({ model, shared: access !== 'passthrough' }));
    const nicCount = nics.length - cards.length;
    const { firmware } = this.options;
    return {
      ...{
        imageDigest: manifest.digest,
        memoryMiB,
        nicCount,
        cards,
        wifiCount: wifi.length,
        devices,
        firmware,
      },
      disks: disks.filter(({ cdrom }) => !cdrom).map(({ readOnly }) => ({ readOnly })),
    };
  }

  /** A place at the card that a NIC is. @throws V3Error DEVICE_IN_USE */
  #seat({ id, epoch, memoryMiB }: VmDefinition, { device, model, access }: CardNic): Seat {
    return this.options.devices
      .card(device, model)
      .seat({ vmId: id, epoch, memorySize: memoryMiB << 20, access: access ?? 'vpio' });
  }

  async #make(
    {
      definition,
      image,
      boot,
      origin,
      disks = this.options.disks.of(definition),
    }: { definition: VmDefinition; image: StoredImage; boot: BootImage; origin: Origin; disks?: VmDisks },
    prepare: (guest: Guest) => Promise<void>,
  ): Promise<GuestMachine> {
    const { host, firmware, overlay, wifi, consoles, neighbours, lease, cores, deviceModules, log } =
      this.options;
    const { agent, configChannel } = image.manifest;
    const names = (await neighbours()).get(definition.id) ?? [];
    const nics: NicConfig[] = definition.nics
      .filter(nic => !isCard(nic))
      .map(({ mac, settings: { impairment: _, ...card } }) => ({ mac, mtu: MTU, ...card }));
    const seats: Seat[] = [];
    let guest: Guest;
    let leaveCore = () => {};
    try {
      const cards = definition.nics.filter(isCard).map((nic): CardConfig => {
        const seat = this.#seat(definition, nic);
        seats.push(seat);
        return { model: nic.model, mac: nic.mac, sharing: seat.card.sharing(seat) };
      });
      const { memoryMiB, devices, yield: yielding } = definition;
      const wifiCount = definition.wifi.length;
      guest = await Guest.create({
        ...{ memoryMiB, image: boot, firmware, nics, cards, wifiCount, disks: disks.configs },
        ...{ devices, deviceModules, yielding, lease, core: cores.word(definition.id) },
      });
      leaveCore = cores.enter(definition.id, guest);
      seats.forEach((seat, card) => seat.card.attach(seat, cardEnd(guest, card)));
      guest.onSharedCard((card, message) => seats[card]?.card.received(seats[card], message));
      await prepare(guest).catch(async thrown => {
        await guest.terminate();
        throw thrown;
      });
    } catch (thrown) {
      leaveCore();
      for (const seat of seats) seat.card.leave(seat);
      throw thrown;
    }
    return new GuestMachine({
      seats,
      leaveCore,
      disks,
      host,
      definition,
      guest,
      origin,
      agent,
      configChannel,
      overlay,
      wifi,
      consoles,
      names,
      base: () => this.#captureBase(definition, image),
      log,
    });
  }
}

type CardNic = NicDefinition & { device: string; model: NonNullable<NicDefinition['model']> };

/** A NIC that is a physical card of the host. */
const isCard = (nic: NicDefinition): nic is CardNic => nic.device !== null && nic.model !== null;

const cardEnd = (guest: Guest, card: number): NonNullable<Seat['end']> => ({
  tell: message => guest.tellSharedCard(card, message),
  account: async () => (await guest.telemetry()).cards[card] ?? null,
});

const shapeOf = ({
  imageDigest,
  memoryMiB,
  nicCount,
  cards,
  wifiCount,
  devices,
  disks,
}: Omit<TemplateSource, 'image'>) => ({
  ...{ imageDigest, memoryMiB, nicCount, cards, wifiCount, devices, disks },
});
const keyOf = (source: Omit<TemplateSource, 'image'>) => JSON.stringify(shapeOf(source));

/** It boots from that. */
const hasDisc = ({ disks }: VmDefinition) => disks.some(({ cdrom }) => cdrom);

/** A template's guest is nobody until it is told who it is, and ready when its agent says so. */
const canHaveTemplate = ({ manifest }: StoredImage) => manifest.agent && manifest.configChannel;

/** @throws V3Error STATE_INCOMPATIBLE that says what the state was saved from */
function requireShape({ name, memoryMiB, nics }: VmDefinition, state: MachineState): void {
  const wrong: string[] = [];
  if (state.memoryMiB !== memoryMiB)
    wrong.push(`${state.memoryMiB} MiB of memory, ${name} has ${memoryMiB} MiB`);
  const virtio = nics.filter(nic => !isCard(nic)).length;
  if (state.nicCount !== virtio) wrong.push(`${state.nicCount} virtio NICs, ${name} has ${virtio}`);
  if (wrong.length > 0) {
    throw new V3Error(
      'STATE_INCOMPATIBLE',
      `the state was saved from a machine with ${wrong.join(', and with ')}`,
    );
  }
}
