export { LEARNED_MS, MAX_LEARNED } from './address-table';
export { fitToWire, type Fitted } from './fit';
export { LinkCounters, linkDropReasons, type LinkDropReason } from './link-counters';
export { Links, type LinkEvents, type LinksOptions } from './links';
export { LoopGuard, LOOP_MEMORY_MS } from './loop-guard';
export type { Health, LinkState, ListenerStatus } from './transport';
