export * from './host.entity';
export * from './network.entity';
export * from './operation.entity';
export * from './request.entity';
export * from './snapshot.entity';
export * from './vm-status.entity';
export * from './vm.entity';
