export * from './binary/loader';
export { BINARY_LIMITS, WASM_PAGE } from './limits';
export * from './native-job';
export type { OutputPiece } from './output-log';
export * from './programs';
export { GATE_BYTES } from './rank/gate';
export type { OutputStream } from './rank/protocol';
