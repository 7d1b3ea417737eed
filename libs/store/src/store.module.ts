import { DynamicModule, Global, Inject, Injectable, Module, OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { createDataSource, migrate } from './data-source';
import { ReadCache } from './read-cache';
import { AccessPointRepository } from './repositories/access-point.repository';
import { AuditRepository } from './repositories/audit.repository';
import { DhcpLeaseRepository } from './repositories/dhcp-lease.repository';
import { DiskRepository } from './repositories/disk.repository';
import { DmmContextRepository } from './repositories/dmm-context.repository';
import { DmmPolicyRepository } from './repositories/dmm-policy.repository';
import { DmmViolationRepository } from './repositories/dmm-violation.repository';
import { EventRepository } from './repositories/event.repository';
import { HostLeaseRepository } from './repositories/host-lease.repository';
import { HostRepository } from './repositories/host.repository';
import { LabRunRepository } from './repositories/lab-run.repository';
import { NetworkRepository } from './repositories/network.repository';
import { OperationRepository } from './repositories/operation.repository';
import { ProjectRepository } from './repositories/project.repository';
import { RadioRepository } from './repositories/radio.repository';
import { RequestRepository } from './repositories/request.repository';
import { SnapshotRepository } from './repositories/snapshot.repository';
import { UserRepository } from './repositories/user.repository';
import { VmMigrationRepository } from './repositories/vm-migration.repository';
import { VmStatusRepository } from './repositories/vm-status.repository';
import { VmRepository } from './repositories/vm.repository';
import { VnetLinkRepository } from './repositories/vnet-link.repository';
import { VnetRouteRepository } from './repositories/vnet-route.repository';

const repositories = [
  AccessPointRepository,
  AuditRepository,
  DhcpLeaseRepository,
  DiskRepository,
  DmmContextRepository,
  DmmPolicyRepository,
  DmmViolationRepository,
  EventRepository,
  HostLeaseRepository,
  HostRepository,
  LabRunRepository,
  NetworkRepository,
  OperationRepository,
  ProjectRepository,
  RadioRepository,
  RequestRepository,
  SnapshotRepository,
  UserRepository,
  VmMigrationRepository,
  VmRepository,
  VmStatusRepository,
  VnetLinkRepository,
  VnetRouteRepository,
];

/** What needs the connection, and nothing else. */
const provided = [ReadCache, ...repositories];

/** Disconnects after the services that use it: this module is global, so it is shut down after theirs. */
@Injectable()
class StoreCloser implements OnApplicationShutdown {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}
  async onApplicationShutdown(): Promise<void> {
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
  }
}

/**
 * Provides the connected and migrated `DataSource` and every repository, to all modules of the service.
 * `StoreModule.forRootAsync({ inject: [SERVICE_CONFIG], url: config => config.V3_DATABASE_URL })`
 */
@Global()
@Module({})
export class StoreModule {
  static forRootAsync<A extends unknown[]>(options: {
    inject: (symbol | string | (abstract new (...args: never[]) => unknown))[];
    url: (...injected: A) => string;
  }): DynamicModule {
    return {
      module: StoreModule,
      providers: [
        {
          provide: DataSource,
          inject: options.inject,
          useFactory: async (...injected: A) => {
            const dataSource = createDataSource(options.url(...injected));
            await migrate(dataSource);
            return dataSource;
          },
        },
        ...provided.map(each => ({
          provide: each,
          inject: [DataSource],
          useFactory: (dataSource: DataSource) => new each(dataSource),
        })),
        StoreCloser,
      ],
      exports: [DataSource, ...provided],
    };
  }
}
