import type { z } from 'zod';
import { disk, diskCreation } from './disks';
import { event } from './events';
import { hostMemory, hostTask, hostTasks } from './host-kernel';
import { job, jobOutput, jobSpec } from './jobs';
import { migration, migrationOptions } from './migration';
import {
  execRequest,
  execResult,
  host,
  image,
  imageImport,
  network,
  networkSpec,
  operation,
  problem,
  snapshot,
  telemetry,
  vm,
  vmPatch,
  vmSpec,
} from './resources';
import { applyResult } from './rest';
import { migrationCheck, migrationRequest } from './rest-migration';
import { wifiPositionRequest, wifiSnrRequest } from './rest-wifi';
import { vmKeys, vmScreen } from './screen';
import { snapshotCollection, snapshotDetail, snapshotImport, snapshotVerification } from './snapshots';
import { topology } from './topology';
import {
  impairment,
  nicSettings,
  nicSettingsPatch,
  vnetInterface,
  vnetLink,
  vnetLinkPatch,
  vnetLinkSpec,
  vnetRoute,
  vnetRouteSpec,
  vnetStats,
} from './vnet';
import {
  deviceAccount,
  dmmContext,
  dmmDevice,
  dmmPolicy,
  dmmPolicyPatch,
  dmmViolation,
  hookRule,
} from './vpio';
import { accessPointPatch, accessPointSpec } from './wifi';
import { accessPoint, airtimeEntry, bss, radioView, station, wifiEvent, wifiLink } from './wifi-status';

/** Schemas with a name of their own: in the OpenAPI document, and as messages of the proto files. */
export const namedSchemas: Record<string, z.ZodType> = {
  Host: host,
  HostMemory: hostMemory,
  HostTask: hostTask,
  HostTasks: hostTasks,
  Network: network,
  NetworkSpec: networkSpec,
  Impairment: impairment,
  NicSettings: nicSettings,
  NicSettingsPatch: nicSettingsPatch,
  VnetInterface: vnetInterface,
  VnetLink: vnetLink,
  VnetLinkSpec: vnetLinkSpec,
  VnetLinkPatch: vnetLinkPatch,
  VnetRoute: vnetRoute,
  VnetRouteSpec: vnetRouteSpec,
  VnetStats: vnetStats,
  Vm: vm,
  VmSpec: vmSpec,
  VmPatch: vmPatch,
  DmmDevice: dmmDevice,
  DmmPolicy: dmmPolicy,
  DmmPolicyPatch: dmmPolicyPatch,
  DmmContext: dmmContext,
  DmmViolation: dmmViolation,
  Radio: radioView,
  AccessPoint: accessPoint,
  AccessPointSpec: accessPointSpec,
  AccessPointPatch: accessPointPatch,
  Station: station,
  Bss: bss,
  AirtimeEntry: airtimeEntry,
  WifiLink: wifiLink,
  WifiEvent: wifiEvent,
  WifiSnr: wifiSnrRequest,
  WifiPosition: wifiPositionRequest,
  Migration: migration,
  MigrationOptions: migrationOptions,
  MigrationRequest: migrationRequest,
  MigrationCheck: migrationCheck,
  HookRule: hookRule,
  DeviceAccount: deviceAccount,
  Job: job,
  JobSpec: jobSpec,
  JobOutput: jobOutput,
  Image: image,
  ImageImport: imageImport,
  Snapshot: snapshot,
  SnapshotDetail: snapshotDetail,
  SnapshotVerification: snapshotVerification,
  Disk: disk,
  DiskCreation: diskCreation,
  VmKeys: vmKeys,
  VmScreen: vmScreen,
  SnapshotImport: snapshotImport,
  SnapshotCollection: snapshotCollection,
  Operation: operation,
  Event: event,
  ApplyResult: applyResult,
  Telemetry: telemetry,
  ExecRequest: execRequest,
  ExecResult: execResult,
  Topology: topology,
  Problem: problem,
};
