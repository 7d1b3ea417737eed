export { ETHERNET_HEADER_BYTES, ethernetFields, EthernetView, MAX_ETHERNET_BYTES } from './ethernet';
export { BROADCAST_MAC, formatMac, isGroupMac, MAC_BYTES, parseMac } from './mac-address';
export { MacMap } from './mac-map';
export {
  MAX_SUPER_FRAME_BYTES,
  MIN_SUPER_FRAME_BYTES,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from './super-frame';
export { gsoTypes, VIRTIO_NET_HEADER_BYTES, virtioNetFlags, VirtioNetHeader } from './virtio-net-header';
export { WireError } from './wire-error';
