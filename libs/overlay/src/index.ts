export { CoreCounters, dropReasons, flattened, PortCounters, type DropReason } from './counters';
export { FlowMap } from './flow-map';
export { Line, LineCounters, systemClock, type LineClock } from './impairment';
export * from './links';
export { OverlayNode, type OverlayNodeOptions } from './overlay-node';
export { isNic, placeKey, type LinkPort, type NicPort, type Port } from './port';
export { RouteCache } from './route-cache';
export { VnetCore, type FrameSink, type VnetCoreOptions } from './vnet-core';
export {
  Router,
  RouterCounters,
  routerDropReasons,
  type RouterDropReason,
  type RouterOptions,
  type RouterSink,
} from './router/router';
export { RoutingTable, type Lookup } from './router/routing-table';
export { type Located } from './router/whereabouts';
export {
  CapturePublisher,
  compileFilter,
  compileWlanFilter,
  decodeBatch,
  MAX_CAPTURES,
  nanoseconds,
  serveCaptures,
  Tap,
  Taps,
  type CapturedFrame,
  type CaptureRequest,
  type CaptureSource,
  type ServeCapturesOptions,
  type Watcher,
  type WlanTest,
} from './capture';
export * from './services';
