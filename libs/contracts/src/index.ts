export * from './errors';
export * from './quantities';
export * from './resources';
export * from './rest';
export * from './rpc';
export * from './topology';
export * from './topology-file';
export * from './validate';
