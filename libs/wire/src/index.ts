export { completeChecksum, superFrameFromWire } from './checksum-offload';
export { ETHERNET_HEADER_BYTES, ethernetFields, EthernetView, MAX_ETHERNET_BYTES } from './ethernet';
export { fragmentIpv4 } from './ip-fragments';
export { BROADCAST_MAC, formatMac, isGroupMac, MAC_BYTES, parseMac } from './mac-address';
export { MacMap } from './mac-map';
export { packetTooBig } from './packet-too-big';
export {
  ipBytesOnWire,
  MAX_SEGMENTS,
  segmentCount,
  segmentSuperFrame,
  type SegmentationProblem,
  type SegmentOptions,
} from './segmentation';
export {
  MAX_SUPER_FRAME_BYTES,
  MIN_SUPER_FRAME_BYTES,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from './super-frame';
export { gsoTypes, VIRTIO_NET_HEADER_BYTES, virtioNetFlags, VirtioNetHeader } from './virtio-net-header';
export { MAX_VNI, VXLAN_HEADER_BYTES, VXLAN_PORT, vxlanHeader, vxlanVni } from './vxlan';
export { WireError } from './wire-error';
