export { storeError, translating, violatedConstraint } from './constraints';
export { createDataSource, migrate } from './data-source';
export * from './entities';
export { ReadCache } from './read-cache';
export { isSerial, isUuid, type AgeKey, type PageOf } from './page';
export {
  AccessPointRepository,
  type AccessPointChanges,
  type AccessPointRecord,
  type NewAccessPoint,
} from './repositories/access-point.repository';
export { AuditRepository, type NewAuditEntry } from './repositories/audit.repository';
export { DhcpLeaseRepository, type DhcpLease } from './repositories/dhcp-lease.repository';
export {
  DiskRepository,
  type DiskOwner,
  type DiskRecord,
  type DiskState,
} from './repositories/disk.repository';
export { DmmContextRepository, type DmmContextRecord } from './repositories/dmm-context.repository';
export { DmmPolicyRepository } from './repositories/dmm-policy.repository';
export { DmmViolationRepository, type NewDmmViolation } from './repositories/dmm-violation.repository';
export { EventRepository, type EventFilter } from './repositories/event.repository';
export { HostLeaseRepository, type HostLease, type LeaseClaim } from './repositories/host-lease.repository';
export { HostRepository, type HostRecord } from './repositories/host.repository';
export { LabRunRepository, type LabRunEnd, type NewLabRun } from './repositories/lab-run.repository';
export { NetworkRepository, type NewNetwork } from './repositories/network.repository';
export {
  OperationRepository,
  type NewOperation,
  type OperationOutcome,
} from './repositories/operation.repository';
export {
  ProjectRepository,
  type OwnedKind,
  type ProjectQuotas,
  type ProjectUsage,
} from './repositories/project.repository';
export { RadioRepository } from './repositories/radio.repository';
export { RequestRepository } from './repositories/request.repository';
export { SnapshotRepository, type NewSnapshot } from './repositories/snapshot.repository';
export { UserRepository, type TokenHolder } from './repositories/user.repository';
export { VmMigrationRepository, type NewVmMigration } from './repositories/vm-migration.repository';
export { VmStatusRepository, type VmStatusRecord } from './repositories/vm-status.repository';
export {
  VmRepository,
  type NewDisk,
  type NewNic,
  type NewVm,
  type NewWifiNic,
  type VmChanges,
} from './repositories/vm.repository';
export { VnetLinkRepository, type LinkRecord, type NewLink } from './repositories/vnet-link.repository';
export { VnetRouteRepository, type NewRoute, type RouteRecord } from './repositories/vnet-route.repository';
export { StateStore, type ImportedState, type SavedState, type StateStoreOptions } from './state-store';
export { StoreModule } from './store.module';
export {
  type DiskDefinition,
  type NicDefinition,
  type VmDefinition,
  type WifiNicDefinition,
} from './vm-definition';
export { StoreFollower } from './store-follower';
