import type { DeviceState, Metrics } from '../platform';
import type { VirtioDevice } from '../virtio/transport/device';
import type { Hooks, MachineAccess } from './hooks';

/** A device of a VM, as its definition names it. */
export interface DeviceSpec {
  /** Of the registry. */
  class: string;
  /** One of the VM's; other devices refer to it by it. */
  id: string;
  /** As the class wants them. */
  options: Readonly<Record<string, unknown>>;
}

/** A device as its class makes it. */
export interface ClassDevice {
  /** Plain data that `structuredClone` can copy. */
  save(): DeviceState;
  /** @throws DeviceFault the state is not one of this device */
  restore(state: unknown): void;
  metrics?(): Metrics;
  /** How much memory the guest is to have given back, in bytes: only a balloon. */
  balloon?: BalloonControl;
}

/** What the VMM does with a balloon. Sizes in pages of 4096 bytes. */
export interface BalloonControl {
  setTarget(pages: number): void;
  readonly target: number;
  /** That the guest has given back. */
  readonly actual: number;
}

/** What the halves of each kind of device say to each other: a front-end is what the guest sees, a back-end what is behind. */
export interface FrontEnds {
  char: { /** The guest gets these bytes. @returns how many it took */ input(data: Uint8Array): number };
  console: { /** Keys that were typed. */ input(data: Uint8Array): void };
  net: { /** A plain Ethernet frame, without check sequence. */ receive(frame: Uint8Array): void };
  block: { /** What is behind has changed its size. */ resized(sectors: number): void };
}
export interface BackEnds {
  char: { /** The guest has sent these bytes. */ output(data: Uint8Array): void };
  console: { /** Characters of a text screen at a place. */ output(data: Uint8Array): void };
  net: { transmit(frame: Uint8Array): void };
  /** Sectors have 512 bytes. */
  block: {
    readonly sectors: number;
    read(sector: number, into: Uint8Array): void;
    write(sector: number, data: Uint8Array): void;
  };
}
export type PairKind = keyof FrontEnds;

export interface DeviceContext extends MachineAccess {
  readonly id: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly hooks: Hooks;
  /** Puts a virtio device on the PCI bus; it is saved and restored with its transport. */
  plugVirtio(device: VirtioDevice): void;
  /**
   * Offers the front-end of this device. `paired` is called when all devices of the VM are made and a back-end was
   * connected to it.
   */
  frontEnd<K extends PairKind>(kind: K, front: FrontEnds[K], paired: (back: BackEnds[K]) => void): void;
  /** Connects a back-end to the front-end of the device `id`, whether that is made before or after this one. */
  backEnd<K extends PairKind>(
    kind: K,
    id: string,
    back: BackEnds[K],
    paired: (front: FrontEnds[K]) => void,
  ): void;
  /** @throws DeviceOptionError */
  refuse(reason: string): never;
}

/** Makes a device of the class. @throws DeviceOptionError its options are not as the class wants them */
export type DeviceInit = (context: DeviceContext) => ClassDevice;

/** A definition of a VM that no device can be made from. */
export class DeviceOptionError extends Error {
  constructor(device: string, reason: string) {
    super(`device ${device}: ${reason}`);
    this.name = 'DeviceOptionError';
  }
}

/** Where classes are registered (Palacios's `register_device`). */
export interface DeviceClasses {
  /** @throws Error a class of this name exists */
  registerDevice(name: string, init: DeviceInit): void;
}

/** What a module of devices exports. */
export interface DeviceModule {
  register(classes: DeviceClasses): void;
}
