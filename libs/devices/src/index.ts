export * from './platform';
export { BusMaster, type BusMasterOptions, type DmaAccess } from './pci/bus-master';
export { COMMAND_IO, COMMAND_MASTER, COMMAND_MEMORY, interruptPin, setBar } from './pci/config-space';
export { MAX_LINE_FRAME, MIN_LINE_FRAME, type EthernetLine } from './ethernet/line';
export { Ne2000, type Ne2000Options } from './ne2000/device';
export * as ne2000Registers from './ne2000/registers';
export { Rtl8139, type Rtl8139Options } from './rtl8139/device';
export * as rtl8139Registers from './rtl8139/registers';
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
export { VirtioHwsim, type HwsimOptions } from './virtio/hwsim/device';
export { VIRTIO_BALLOON_F_MUST_TELL_HOST, VirtioBalloon } from './virtio/balloon/device';
export * from './vmm/hooks';
export * from './vmm/device-class';
export { DeviceRegistry, Pairing } from './vmm/registry';
