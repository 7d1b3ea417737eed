export type { Packet, Test } from './packet';
export { compileFilter } from './parser';
