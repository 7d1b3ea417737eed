export * from './platform';
export { interruptPin, setIoBar } from './pci/config-space';
export { identityOf, VirtioTransport } from './virtio/transport/transport';
export type { VirtioDevice, VirtioHost } from './virtio/transport/device';
export { VirtioNet, type NetOptions, type NetSettings } from './virtio/net/device';
export {
  isSuperFrame,
  MAX_FRAME_LENGTH,
  MIN_FRAME_LENGTH,
  NET_HEADER_LENGTH,
  needsChecksum,
} from './virtio/net/header';
export { VirtioConsole, type ConsoleOptions } from './virtio/console/device';
