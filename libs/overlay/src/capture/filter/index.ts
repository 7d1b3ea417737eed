export type { Packet, Test } from './packet';
export { compileFilter } from './parser';
export { compileWlanFilter, type WlanPacket, type WlanTest } from './wlan';
