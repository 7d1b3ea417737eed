export { ARP_BYTES, arpFrame, arpOperations, parseArp, type ArpPacket } from './arp';
export { u16, u32 } from './big-endian';
export { completeChecksum, superFrameFromWire } from './checksum-offload';
export {
  dhcpNumber,
  dhcpOptions,
  dhcpPorts,
  dhcpTypes,
  dhcpValue,
  encodeDhcp,
  parseDhcp,
  type DhcpMessage,
} from './dhcp';
export { describePacket } from './description/packet-line';
export { describeWlan } from './description/wlan-line';
export { ETHERNET_HEADER_BYTES, ethernetFields, EthernetView, MAX_ETHERNET_BYTES } from './ethernet';
export * from './ieee80211';
export {
  decodeHwsim,
  encodeReceived,
  encodeTxStatus,
  hwsimFlags,
  hwsimRateFlags,
  type HwsimFrame,
  type HwsimMacUse,
  type HwsimMessage,
  type HwsimRate,
  type HwsimReception,
  type HwsimTxStatus,
} from './hwsim';
export { HWSIM_HEADER_BYTES, hwsimCommand, hwsimCommands } from './hwsim-attributes';
export { decodeToGuest, encodeMacUse, encodeTransmitted, type HwsimToGuest } from './hwsim-guest';
export { checksumOf, fold, sumWords } from './internet-checksum';
export { fragmentIpv4 } from './ip-fragments';
export {
  etherTypes,
  findIpPacket,
  ipProtocols,
  networkLayer,
  pseudoHeaderSum,
  type IpPacket,
} from './ip-packet';
export { formatIpv4, parseIpv4 } from './ipv4-address';
export {
  findUdp,
  icmpFrame,
  ipv4Frame,
  ipv4HeaderIsIntact,
  udpFrame,
  type Ipv4Ends,
  type UdpDatagram,
} from './ipv4-frame';
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
export {
  enhancedPacket,
  ETHERNET_LINK_TYPE,
  interfaceDescription,
  interfaceStatistics,
  packetDirections,
  pcapngBlocks,
  sectionHeader,
  type CapturedInterface,
  type CapturedPacket,
  type CaptureStatistics,
  type PacketDirection,
} from './pcapng';
export { PcapngSplitter, readInterface, readPacket, readStatistics, type PcapngBlock } from './pcapng-reader';
