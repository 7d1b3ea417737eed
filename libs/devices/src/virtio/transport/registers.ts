/** Register layout of our virtio PCI devices (virtio 1.2, section 4.1.4). */

export const VIRTIO_VENDOR = 0x1af4;
/** PCI device id of a modern device: 0x1040 + device type. */
export const VIRTIO_DEVICE_BASE = 0x1040;

/** Where each structure lies in BAR 0. */
export const BAR_SIZE = 256;
export const COMMON_OFFSET = 0x00;
export const COMMON_LENGTH = 0x38;
export const ISR_OFFSET = 0x40;
export const ISR_LENGTH = 1;
export const NOTIFY_OFFSET = 0x44;
export const NOTIFY_LENGTH = 2;
export const DEVICE_OFFSET = 0x80;
export const DEVICE_LENGTH = BAR_SIZE - DEVICE_OFFSET;

/** Common configuration structure (4.1.4.3). */
export const Common = {
  deviceFeatureSelect: 0x00,
  deviceFeature: 0x04,
  driverFeatureSelect: 0x08,
  driverFeature: 0x0c,
  msixConfig: 0x10,
  numQueues: 0x12,
  deviceStatus: 0x14,
  configGeneration: 0x15,
  queueSelect: 0x16,
  queueSize: 0x18,
  queueMsixVector: 0x1a,
  queueEnable: 0x1c,
  queueNotifyOff: 0x1e,
  queueDesc: 0x20,
  queueDriver: 0x28,
  queueDevice: 0x30,
} as const;

/** Device status bits (2.1). */
export const Status = {
  acknowledge: 1,
  driver: 2,
  driverOk: 4,
  featuresOk: 8,
  needsReset: 64,
  failed: 128,
} as const;

/** ISR status bits (4.1.4.5). */
export const Isr = { queue: 1, config: 2 } as const;

export const NO_VECTOR = 0xffff;

const CAP_VENDOR = 0x09;
const CapType = { common: 1, notify: 2, isr: 3, device: 4 } as const;

function capability(
  type: number,
  offset: number,
  length: number,
  extra?: number,
): { id: number; body: Uint8Array } {
  const body = new Uint8Array(extra === undefined ? 14 : 18);
  const view = new DataView(body.buffer);
  view.setUint8(0, body.length + 2); // cap_len
  view.setUint8(1, type); // cfg_type
  view.setUint8(2, 0); // bar
  view.setUint32(6, offset, true);
  view.setUint32(10, length, true);
  if (extra !== undefined) view.setUint32(14, extra, true);
  return { id: CAP_VENDOR, body };
}

/** The vendor capabilities that lead a driver to the structures; all queues share one notification port. */
export function virtioCapabilities(configSize: number): { id: number; body: Uint8Array }[] {
  return [
    capability(CapType.common, COMMON_OFFSET, COMMON_LENGTH),
    capability(CapType.isr, ISR_OFFSET, ISR_LENGTH),
    capability(CapType.notify, NOTIFY_OFFSET, NOTIFY_LENGTH, 0),
    ...(configSize ? [capability(CapType.device, DEVICE_OFFSET, configSize)] : []),
  ];
}
