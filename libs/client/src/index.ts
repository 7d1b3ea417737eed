export * from './blobs';
export * from './capture';
export * from './client';
export * from './console';
export * from './exec';
export * from './local/control';
export * from './local/state-folder';
export * from './wait-vm';
export type { CallOptions, ListEndpoint, OperationEndpoint, ParamsOf, QueryOf } from './endpoint-types';
