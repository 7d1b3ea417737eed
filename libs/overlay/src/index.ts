export { CoreCounters, dropReasons, type DropReason } from './counters';
export { OverlayNode, type OverlayNodeOptions } from './overlay-node';
export type { Port } from './port';
export { RouteCache } from './route-cache';
export { VnetCore, type FrameSink } from './vnet-core';
export {
  Router,
  RouterCounters,
  routerDropReasons,
  type RouterDropReason,
  type RouterOptions,
  type RouterSink,
} from './router/router';
export { RoutingTable, type RouteLookup } from './router/routing-table';
export { Line, LineCounters, systemClock, type LineClock } from './impairment';
