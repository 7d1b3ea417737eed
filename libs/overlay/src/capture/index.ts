export { decodeBatch, type CapturedFrame } from './batch';
export { nanoseconds } from './clock';
export { compileFilter } from './filter';
export { MAX_CAPTURES, serveCaptures, type ServeCapturesOptions } from './serve-captures';
export { Tap, Taps, type Watcher } from './taps';
