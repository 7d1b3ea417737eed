import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { Config, Readiness } from '@v3vee/service';
import {
  DiskRepository,
  HostLeaseRepository,
  SnapshotRepository,
  VmRepository,
  VmStatusRepository,
} from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { Registry } from 'prom-client';
import { DataSource } from 'typeorm';
import type { PalaciosConfig } from './config';
import { Palacios } from './palacios';

/** Palacios in its process: opened before the process listens, closed before the bus and the store are. */
@Injectable()
export class PalaciosService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private palacios: Palacios | undefined;

  constructor(
    @Config() private readonly config: PalaciosConfig,
    private readonly bus: Bus,
    private readonly dataSource: DataSource,
    private readonly vms: VmRepository,
    private readonly statuses: VmStatusRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly disks: DiskRepository,
    private readonly leases: HostLeaseRepository,
    private readonly registry: Registry,
    private readonly readiness: Readiness,
    private readonly log: PinoLogger,
  ) {
    log.setContext('Palacios');
  }

  async onApplicationBootstrap(): Promise<void> {
    const { config, bus, dataSource, vms, statuses, snapshots, disks, leases, registry, log } = this;
    const palacios = await Palacios.open({
      config,
      bus,
      dataSource,
      vms,
      statuses,
      snapshots,
      disks,
      leases,
      registry,
      log,
    });
    this.palacios = palacios;
    this.readiness.add('palacios', () => palacios.ready);
    // Bringing the guests back takes a while, in which the process already answers probes.
    palacios.serve().catch(error => {
      log.fatal({ err: error }, 'the virtual machines could not be taken over');
      process.kill(process.pid, 'SIGTERM');
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.palacios?.close();
  }
}
