import {
  DeviceFault,
  type GuestMemory,
  type InterruptLine,
  type Metrics,
  type PciBar,
  type PciFunction,
} from '../../platform';
import { buildConfigSpace } from '../../pci/config-space';
import {
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
  featureMask,
  hasFeature,
} from '../features';
import { Virtqueue } from '../queue';
import type { VirtioDevice, VirtioHost } from './device';
import * as reg from './registers';
import { Common, Isr, Status } from './registers';
import { checkTransportState, TRANSPORT_STATE_VERSION, type TransportState } from './state';

const RING_FEATURES = [VIRTIO_F_INDIRECT_DESC, VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1];

const offeredBy = (device: VirtioDevice): bigint => featureMask([...device.features, ...RING_FEATURES]);

/** What a driver sees of a device before it uses it: a state belongs to devices with the same. */
export const identityOf = (device: VirtioDevice): string =>
  `virtio ${device.type} features=${offeredBy(device).toString(16)} queues=${device.queueSizes.join(',')} config=${device.configSize}`;

/**
 * The modern virtio transport over PCI (virtio 1.2, section 4.1) with every structure in one I/O BAR and
 * interrupts by INTx. It keeps the driver's hand-shake:
 *
 *     0 → ACKNOWLEDGE → DRIVER → FEATURES_OK (refused without VERSION_1 or with bits that we did not offer)
 *       → queues enabled → DRIVER_OK (the device starts) → … → 0 (reset)
 */
export class VirtioTransport implements PciFunction, VirtioHost {
  readonly config: Uint8Array;
  readonly bars: readonly PciBar[] = [{ kind: 'io', size: reg.BAR_SIZE }];

  private readonly queues: Virtqueue[];
  private readonly offered: bigint;
  private accepted = 0n;
  private status = 0;
  private isr = 0;
  private generation = 0;
  private deviceFeatureSelect = 0;
  private driverFeatureSelect = 0;
  private queueSelect = 0;
  private readonly counters = { notifications: 0, interrupts: 0, resets: 0 };

  constructor(
    readonly name: string,
    private readonly device: VirtioDevice,
    readonly memory: GuestMemory,
    private readonly line: InterruptLine,
  ) {
    if (device.configSize > reg.DEVICE_LENGTH)
      throw new Error(`${name}: the device configuration is too large`);
    this.offered = offeredBy(device);
    this.queues = device.queueSizes.map((size, index) => new Virtqueue(name, index, size, memory));
    this.config = buildConfigSpace(
      {
        vendor: reg.VIRTIO_VENDOR,
        device: reg.VIRTIO_DEVICE_BASE + device.type,
        revision: 1,
        classCode: device.classCode,
        subsystemVendor: reg.VIRTIO_VENDOR,
        subsystem: reg.VIRTIO_DEVICE_BASE + device.type,
      },
      reg.virtioCapabilities(device.configSize),
    );
    device.attach(this);
  }

  // what the device behind uses

  get running(): boolean {
    return (this.status & Status.driverOk) !== 0;
  }

  queue(index: number): Virtqueue {
    return this.queues[index]!;
  }

  negotiated(bit: number): boolean {
    return hasFeature(this.accepted, bit);
  }

  interrupt(): void {
    this.counters.interrupts++;
    this.isr |= Isr.queue;
    this.line.raise();
  }

  configChanged(): void {
    this.generation = (this.generation + 1) & 0xff;
    if (!this.running) return;
    this.counters.interrupts++;
    this.isr |= Isr.config;
    this.line.raise();
  }

  // what the guest uses

  read(offset: number, size: number): number {
    if (offset < reg.COMMON_LENGTH) return this.readCommon(offset, size);
    if (offset === reg.ISR_OFFSET && size === 1) return this.readIsr();
    const field = offset - reg.DEVICE_OFFSET;
    if (field >= 0 && field + size <= this.device.configSize) {
      let value = 0;
      for (let i = 0; i < size; i++) value += this.device.readConfig(field + i) * 2 ** (8 * i);
      return value;
    }
    throw this.fault(`read of ${size} bytes at 0x${offset.toString(16)}, where no register is`);
  }

  write(offset: number, size: number, value: number): void {
    if (offset === reg.NOTIFY_OFFSET && size === 2) return this.notify(value);
    if (offset < reg.COMMON_LENGTH) return this.writeCommon(offset, size, value);
    const field = offset - reg.DEVICE_OFFSET;
    if (this.device.writeConfig && field >= 0 && field + size <= this.device.configSize) {
      for (let i = 0; i < size; i++) this.device.writeConfig(field + i, (value >>> (8 * i)) & 0xff);
      return;
    }
    throw this.fault(`write of ${size} bytes at 0x${offset.toString(16)}, where nothing can be written`);
  }

  reset(): void {
    this.counters.resets++;
    this.status = this.isr = 0;
    this.accepted = 0n;
    this.deviceFeatureSelect = this.driverFeatureSelect = this.queueSelect = 0;
    for (const queue of this.queues) queue.reset();
    this.line.lower();
    this.device.reset();
  }

  private notify(index: number): void {
    const queue = this.queues[index];
    if (!queue) throw this.fault(`notification of queue ${index}; there are ${this.queues.length}`);
    this.counters.notifications++;
    if (this.running && queue.enabled) this.device.notify(index);
  }

  private readIsr(): number {
    const isr = this.isr;
    this.isr = 0;
    this.line.lower();
    if (isr & Isr.queue) this.device.acknowledged?.();
    return isr;
  }

  private readCommon(offset: number, size: number): number {
    const queue = this.queues[this.queueSelect];
    switch (offset * 8 + size) {
      case Common.deviceFeatureSelect * 8 + 4:
        return this.deviceFeatureSelect;
      case Common.deviceFeature * 8 + 4:
        return word(this.offered, this.deviceFeatureSelect);
      case Common.driverFeatureSelect * 8 + 4:
        return this.driverFeatureSelect;
      case Common.driverFeature * 8 + 4:
        return word(this.accepted, this.driverFeatureSelect);
      case Common.msixConfig * 8 + 2:
      case Common.queueMsixVector * 8 + 2:
        return reg.NO_VECTOR;
      case Common.numQueues * 8 + 2:
        return this.queues.length;
      case Common.deviceStatus * 8 + 1:
        return this.status;
      case Common.configGeneration * 8 + 1:
        return this.generation;
      case Common.queueSelect * 8 + 2:
        return this.queueSelect;
      case Common.queueSize * 8 + 2:
        return queue?.size ?? 0;
      case Common.queueEnable * 8 + 2:
        return queue?.enabled ? 1 : 0;
      case Common.queueNotifyOff * 8 + 2:
        return 0;
      case Common.queueDesc * 8 + 4:
        return queue?.desc ?? 0;
      case Common.queueDriver * 8 + 4:
        return queue?.avail ?? 0;
      case Common.queueDevice * 8 + 4:
        return queue?.used ?? 0;
      case (Common.queueDesc + 4) * 8 + 4:
      case (Common.queueDriver + 4) * 8 + 4:
      case (Common.queueDevice + 4) * 8 + 4:
        return 0;
      default:
        throw this.fault(`read of ${size} bytes at 0x${offset.toString(16)} of the common configuration`);
    }
  }

  private writeCommon(offset: number, size: number, value: number): void {
    switch (offset * 8 + size) {
      case Common.deviceFeatureSelect * 8 + 4:
        this.deviceFeatureSelect = value;
        return;
      case Common.driverFeatureSelect * 8 + 4:
        this.driverFeatureSelect = value;
        return;
      case Common.driverFeature * 8 + 4:
        return this.acceptFeatures(value);
      case Common.msixConfig * 8 + 2:
      case Common.queueMsixVector * 8 + 2:
        return; // there is no MSI-X: the vector stays NO_VECTOR
      case Common.deviceStatus * 8 + 1:
        return this.writeStatus(value);
      case Common.queueSelect * 8 + 2:
        this.queueSelect = value;
        return;
      default:
        return this.writeQueue(offset, size, value);
    }
  }

  private writeQueue(offset: number, size: number, value: number): void {
    const queue = this.queues[this.queueSelect];
    if (!queue) throw this.fault(`set-up of queue ${this.queueSelect}; there are ${this.queues.length}`);
    if (queue.enabled) throw this.fault(`queue ${queue.index} is changed while it is in use`);
    switch (offset * 8 + size) {
      case Common.queueSize * 8 + 2:
        queue.size = value;
        return;
      case Common.queueEnable * 8 + 2:
        if (value !== 1) throw this.fault(`queue ${queue.index} is enabled with ${value} instead of 1`);
        return queue.enable();
      case Common.queueDesc * 8 + 4:
        queue.desc = value;
        return;
      case Common.queueDriver * 8 + 4:
        queue.avail = value;
        return;
      case Common.queueDevice * 8 + 4:
        queue.used = value;
        return;
      case (Common.queueDesc + 4) * 8 + 4:
      case (Common.queueDriver + 4) * 8 + 4:
      case (Common.queueDevice + 4) * 8 + 4:
        if (value !== 0) throw this.fault(`queue ${queue.index} lies above 4 GiB`);
        return;
      default:
        throw this.fault(`write of ${size} bytes at 0x${offset.toString(16)} of the common configuration`);
    }
  }

  private acceptFeatures(value: number): void {
    if (this.status & Status.featuresOk) throw this.fault('features are changed after FEATURES_OK');
    if (this.driverFeatureSelect > 1) return; // no feature lies there
    const shift = BigInt(32 * this.driverFeatureSelect);
    this.accepted = (this.accepted & ~(0xffffffffn << shift)) | (BigInt(value) << shift);
  }

  private writeStatus(value: number): void {
    if (value === 0) return this.reset();
    const fresh = value & ~this.status;
    if (fresh & Status.featuresOk) {
      const acceptable =
        (this.accepted & ~this.offered) === 0n &&
        this.negotiated(VIRTIO_F_VERSION_1) &&
        (this.device.acceptable?.(this.accepted) ?? true);
      if (!acceptable) value &= ~Status.featuresOk; // the driver reads it back and gives up (3.1.1)
      this.setRingFeatures();
    }
    this.status |= value;
    if (fresh & Status.driverOk) {
      if (!(this.status & Status.featuresOk))
        throw this.fault('DRIVER_OK before the features were agreed on');
      this.device.start();
    }
  }

  private setRingFeatures(): void {
    for (const queue of this.queues) {
      queue.eventIndex = this.negotiated(VIRTIO_F_EVENT_IDX);
      queue.indirect = this.negotiated(VIRTIO_F_INDIRECT_DESC);
    }
  }

  // saved state

  save(): TransportState {
    return {
      version: TRANSPORT_STATE_VERSION,
      type: this.device.type,
      accepted: this.accepted,
      status: this.status,
      isr: this.isr,
      generation: this.generation,
      selects: [this.deviceFeatureSelect, this.driverFeatureSelect, this.queueSelect],
      queues: this.queues.map(queue => queue.save()),
      device: this.device.save(),
    };
  }

  restore(saved: unknown): void {
    const counts = [this.queues.length, ...(this.device.olderQueueCounts ?? [])];
    const state = checkTransportState(this.name, saved, this.device.type, counts, this.offered);
    this.accepted = state.accepted;
    this.status = state.status;
    this.isr = state.isr;
    this.generation = state.generation;
    [this.deviceFeatureSelect, this.driverFeatureSelect, this.queueSelect] = state.selects;
    const features = {
      eventIndex: this.negotiated(VIRTIO_F_EVENT_IDX),
      indirect: this.negotiated(VIRTIO_F_INDIRECT_DESC),
    };
    this.queues.forEach((queue, index) => {
      const was = state.queues[index];
      if (was) queue.restore(was, features);
      else queue.reset();
    });
    this.device.restore(state.device);
    if (this.isr) this.line.raise();
    else this.line.lower();
  }

  metrics(): Metrics {
    return { ...this.counters, ...this.device.metrics() };
  }

  private fault(reason: string): DeviceFault {
    return new DeviceFault(this.name, reason);
  }
}

/** 32 feature bits; a selector beyond the second word shows none. */
const word = (mask: bigint, select: number): number =>
  select > 1 ? 0 : Number((mask >> BigInt(32 * select)) & 0xffffffffn);
