export { AccessPoint } from './access-point';
export { AccessPointCounters, apDropReasons, type ApDropReason } from './counters';
export { type AccessPointEvent } from './events';
export { type AccessPointOptions, type Distribution } from './options';
export { type StationInfo, type StationState } from './station';
