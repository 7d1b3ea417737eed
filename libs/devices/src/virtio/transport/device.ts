import type { DeviceState, GuestMemory, Metrics } from '../../platform';
import type { Virtqueue } from '../queue';

/** What the transport offers to the device behind it. */
export interface VirtioHost {
  readonly name: string;
  readonly memory: GuestMemory;
  queue(index: number): Virtqueue;
  /** True once the driver has set DRIVER_OK and until it resets the device. */
  readonly running: boolean;
  /** Whether feature `bit` was negotiated. */
  negotiated(bit: number): boolean;
  /** Interrupts the guest because of a used buffer. */
  interrupt(): void;
  /** The device configuration changed: a new generation, and an interrupt if the driver is running. */
  configChanged(): void;
}

/** A virtio device type behind a transport: its queues, features and configuration fields. */
export interface VirtioDevice {
  /** Device type (virtio 1.2, section 5): 1 is a network card, 3 a console. */
  readonly type: number;
  /** PCI class code. */
  readonly classCode: number;
  /** Feature bits that this type offers, without those of the ring and VERSION_1, which the transport adds. */
  readonly features: readonly number[];
  /** Largest size of each queue, a power of two. */
  readonly queueSizes: readonly number[];
  /** How many queues the saved states of earlier versions have, where that differs. */
  readonly olderQueueCounts?: readonly number[];
  /** Bytes of device configuration. */
  readonly configSize: number;
  attach(host: VirtioHost): void;
  /** Reads one byte of the device configuration. */
  readConfig(offset: number): number;
  /** A driver writes one byte of the device configuration; if absent, it may write nothing. */
  writeConfig?(offset: number, value: number): void;
  /** Whether a driver may negotiate these features together; if absent, any that are offered. */
  acceptable?(features: bigint): boolean;
  /** The driver is ready: the features are settled and its queues may be used. */
  start(): void;
  /** The guest made buffers available in queue `index`. */
  notify(index: number): void;
  /** The driver took an interrupt and is about to look into its rings. */
  acknowledged?(): void;
  /** The driver reset the device, or the machine was reset. */
  reset(): void;
  save(): DeviceState;
  restore(state: unknown): void;
  metrics(): Metrics;
}
