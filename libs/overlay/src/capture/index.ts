export { decodeBatch, type CapturedFrame } from './batch';
export { nanoseconds } from './clock';
export { compileFilter, compileWlanFilter, type WlanTest } from './filter';
export { CapturePublisher } from './publisher';
export { MAX_CAPTURES, serveCaptures, type ServeCapturesOptions } from './serve-captures';
export type { CaptureRequest, CaptureSource } from './source';
export { Tap, Taps, type Watcher } from './taps';
