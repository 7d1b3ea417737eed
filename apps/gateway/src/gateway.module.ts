import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { SERVICE_CONFIG } from '@v3vee/service';
import { StoreModule, VmRepository } from '@v3vee/store';
import { AccessControl } from './access/access-control.service';
import { AccessGuard } from './access/access.guard';
import { AuditLog } from './access/audit-log.service';
import { AuditController } from './access/audit.controller';
import { Authentication } from './access/authentication.service';
import { OpenConnections } from './access/open-connections';
import { ProjectFilter } from './access/project-filter.service';
import { ProjectsController } from './access/projects.controller';
import { RateLimits } from './access/rate-limits';
import { UsersController } from './access/users.controller';
import { AirPoints } from './captures/air-points';
import { CapturePoints } from './captures/capture-points';
import { CapturesController } from './captures/captures.controller';
import { ClusterApply } from './cluster/apply.service';
import { OverlayApply } from './cluster/overlay-apply.service';
import { ProjectApply } from './cluster/project-apply.service';
import { WifiApply } from './cluster/wifi-apply.service';
import { ClusterController } from './cluster/cluster.controller';
import type { GatewayConfig } from './config';
import { ConsoleGateway } from './console/console.gateway';
import { DeviceDirectory } from './dmm/device-directory';
import { DeviceViews } from './dmm/device-views.service';
import { DevicesController } from './dmm/devices.controller';
import { DmmClient } from './dmm/dmm-client';
import { DmmRecordsController } from './dmm/records.controller';
import { TraceController } from './dmm/trace.controller';
import { EventFeed } from './events/event-feed';
import { EventsController } from './events/events.controller';
import { HostEvents } from './events/host-events';
import { Watchables } from './events/watchables';
import { WatchSteps } from './events/watch-steps';
import { Candidates } from './failover/candidates';
import { FailoverNotes } from './failover/failover-notes';
import { Failover } from './failover/failover.service';
import { HostMaintenance } from './failover/host-maintenance.service';
import { GrpcServer } from './grpc/grpc-server';
import { InProcess } from './grpc/in-process';
import { HostDirectory } from './hosts/host-directory';
import { HostKernelController } from './hosts/host-kernel.controller';
import { HostViews } from './hosts/host-views';
import { HostsController } from './hosts/hosts.controller';
import { PalaciosClient } from './hosts/palacios-client';
import { EndpointInterceptor } from './http/endpoint.interceptor';
import { LoginCodes } from './http/login-codes';
import { PageTokens } from './http/page-tokens';
import { ProblemFilter } from './http/problem.filter';
import { RepeatableRequests } from './http/repeatable-requests';
import { ServerNames } from './http/server-name';
import { SessionsController } from './http/sessions.controller';
import { TlsRenewal } from './http/tls';
import { Tokens } from './http/token';
import { DiskPlanner } from './disks/disk-planner';
import { DisksController } from './disks/disks.controller';
import { Disks } from './disks/disks.service';
import { BlobStore } from './images/blob-store';
import { ImageCatalogue } from './images/image-catalogue';
import { ImagesController } from './images/images.controller';
import { JobsController } from './jobs/jobs.controller';
import { KittenClient } from './jobs/kitten-client';
import { LabsController } from './labs/labs.controller';
import { Labs } from './labs/labs.service';
import { GatewayMetrics } from './metrics';
import { MigrationMetrics } from './migrations/migration-metrics';
import { MigrationPlanner } from './migrations/migration-planner';
import { MigrationsController } from './migrations/migrations.controller';
import { Migrations } from './migrations/migrations.service';
import { NetworksController } from './networks/networks.controller';
import { OperationsController } from './operations/operations.controller';
import { OperationsService } from './operations/operations.service';
import { OverviewController } from './overview/overview.controller';
import { SnapshotFiles } from './snapshots/snapshot-files';
import { SnapshotHosts } from './snapshots/snapshot-hosts';
import { SnapshotRemoval } from './snapshots/snapshot-removal';
import { SnapshotsController } from './snapshots/snapshots.controller';
import { MachineController } from './vms/machine.controller';
import { NicPlanner } from './vms/nic-planner';
import { VmClones } from './vms/vm-clones.service';
import { VmDefinitions } from './vms/vm-definitions.service';
import { VmVerbs } from './vms/vm-verbs.service';
import { VmViews } from './vms/vm-view';
import { NicSettingsService } from './vms/nic-settings.service';
import { VmsController } from './vms/vms.controller';
import { VnetControlController } from './vnet/control.controller';
import { VnetControl } from './vnet/control.service';
import { InterfacesController } from './vnet/interfaces.controller';
import { LinksController } from './vnet/links.controller';
import { OverlayChanges } from './vnet/overlay-changes.service';
import { OverlayDirectory } from './vnet/overlay-places';
import { RoutesController } from './vnet/routes.controller';
import { VnetStatsController } from './vnet/stats.controller';
import { VnetClient } from './vnet/vnet-client';
import { AccessPointsController } from './wifi/access-points.controller';
import { AccessPoints } from './wifi/access-points.service';
import { Antennas } from './wifi/antennas';
import { MediumController } from './wifi/medium.controller';
import { RadiosController } from './wifi/radios.controller';
import { WifiClient } from './wifi/wifi-client';

@Module({
  imports: [
    StoreModule.forRootAsync({
      inject: [SERVICE_CONFIG],
      url: (config: GatewayConfig) => config.V3_DATABASE_URL,
    }),
  ],
  controllers: [
    AccessPointsController,
    AuditController,
    CapturesController,
    ClusterController,
    DevicesController,
    DmmRecordsController,
    EventsController,
    HostKernelController,
    HostsController,
    DisksController,
    ImagesController,
    InterfacesController,
    JobsController,
    LabsController,
    LinksController,
    MediumController,
    MigrationsController,
    NetworksController,
    OperationsController,
    OverviewController,
    ProjectsController,
    RadiosController,
    RoutesController,
    SessionsController,
    SnapshotsController,
    TraceController,
    UsersController,
    VmsController,
    MachineController,
    VnetControlController,
    VnetStatsController,
  ],
  providers: [
    {
      provide: Tokens,
      inject: [SERVICE_CONFIG],
      useFactory: (config: GatewayConfig) => Tokens.fromFile(config.V3_ADMIN_TOKEN_FILE),
    },
    {
      provide: PageTokens,
      inject: [Tokens],
      useFactory: (tokens: Tokens) => new PageTokens(tokens.derive('page tokens')),
    },
    {
      provide: RateLimits,
      inject: [SERVICE_CONFIG],
      useFactory: ({ V3_RATE_LIMIT: rate }: GatewayConfig) => new RateLimits(rate, 4 * rate),
    },
    {
      provide: ServerNames,
      inject: [SERVICE_CONFIG],
      useFactory: (config: GatewayConfig) => new ServerNames(config),
    },
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_INTERCEPTOR, useClass: EndpointInterceptor },
    AccessControl,
    AccessPoints,
    AuditLog,
    Authentication,
    Antennas,
    BlobStore,
    DiskPlanner,
    Disks,
    Candidates,
    AirPoints,
    CapturePoints,
    ClusterApply,
    ConsoleGateway,
    DeviceDirectory,
    DeviceViews,
    DmmClient,
    EventFeed,
    Failover,
    FailoverNotes,
    GatewayMetrics,
    GrpcServer,
    HostDirectory,
    HostEvents,
    HostMaintenance,
    HostViews,
    ImageCatalogue,
    InProcess,
    KittenClient,
    Labs,
    LoginCodes,
    MigrationMetrics,
    MigrationPlanner,
    Migrations,
    NicPlanner,
    NicSettingsService,
    OpenConnections,
    OperationsService,
    OverlayApply,
    OverlayChanges,
    OverlayDirectory,
    PalaciosClient,
    ProblemFilter,
    ProjectApply,
    ProjectFilter,
    RepeatableRequests,
    SnapshotFiles,
    SnapshotHosts,
    SnapshotRemoval,
    TlsRenewal,
    VmClones,
    VmDefinitions,
    VmVerbs,
    VmViews,
    VnetClient,
    VnetControl,
    Watchables,
    WatchSteps,
    WifiApply,
    WifiClient,
  ],
})
export class GatewayModule {
  constructor(metrics: GatewayMetrics, vms: VmRepository, views: VmViews) {
    metrics.countVmsBy(async () => {
      const counts = new Map<string, number>();
      for (const { state } of await views.conditions(await vms.all())) {
        counts.set(state, (counts.get(state) ?? 0) + 1);
      }
      return counts;
    });
  }
}
