export * from './access';
export * from './bus-permissions';
export * from './card-rules';
export * from './console-input';
export * from './disks';
export * from './errors';
export * from './events';
export { exampleOf } from './examples';
export * from './host-kernel';
export * from './jobs';
export * from './labs';
export * from './machine';
export * from './migration';
export { namedSchemas } from './named-schemas';
export * from './network-services';
export * from './palacios-xml';
export * from './quantities';
export * from './resources';
export * from './rest';
export { watchedLists, watchPath, type WatchedList } from './rest-events';
export * from './rest-hosts';
export * from './rest-migration';
export * from './rest-streams';
export { DISK_EXPORT_PATH, diskExportPath } from './rest-disks';
export { overviewParts, type Overview, type OverviewPart } from './rest-overview';
export { type Login, type Session } from './rest-sessions';
export { SNAPSHOT_EXPORT_PATH, snapshotExportPath } from './rest-snapshots';
export {
  deauthenticateRequest,
  wifiPositionRequest,
  wifiSnrRequest,
  type WifiPositionRequest,
  type WifiSnrRequest,
} from './rest-wifi';
export * from './rpc';
export { subjectFor, type Announcement, type Call } from './rpc-call';
export * from './rpc-core-time';
export * from './rpc-jobs';
export * from './rpc-migration';
export * from './rpc-snapshots';
export * from './rpc-vpio';
export * from './rpc-wifi';
export * from './screen';
export * from './snapshots';
export * from './topology';
export * from './topology-file';
export { networkOfLink, routeOf, type LinkEntry } from './topology-vnet';
export { radioNames, radioProblem, type AccessPointEntry } from './topology-wifi';
export * from './validate';
export * from './vnet';
export * from './vnet-language';
export * from './vnet-resolve';
export * from './vpio';
export * from './wifi';
export * from './wifi-status';
