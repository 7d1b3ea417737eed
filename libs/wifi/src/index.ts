export * from './access-point';
export * from './air';
export * from './antenna';
export * from './capture';
export * from './clock';
export * from './radio';
