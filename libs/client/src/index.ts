export { importImage, importSnapshot, type ImageFiles } from './blobs';
export * from './capture';
export * from './client';
export * from './console';
export * from './disk';
export * from './exec';
export * from './job';
export * from './local/control';
export * from './local/state-folder';
export * from './line-stream';
export * from './migration';
export { pause } from './pause';
export * from './saved-vm';
export * from './snapshot';
export * from './trace';
export * from './vnet-control';
export * from './wait-vm';
export * from './watch';
export type {
  CallArguments,
  CallOptions,
  ListEndpoint,
  OperationEndpoint,
  ParamsOf,
  QueryOf,
} from './endpoint-types';
