export * from './access-point';
export * from './air';
export * from './antenna';
export * from './clock';
export * from './radio';
