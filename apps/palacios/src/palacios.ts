import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bus, Stoppable } from '@v3vee/bus';
import { V3Error, vnetCoreStats } from '@v3vee/contracts';
import { DiskFolder } from '@v3vee/disk-store';
import { ImageStore, LeaseWord } from '@v3vee/machine';
import { OverlayNode, serveCaptures } from '@v3vee/overlay';
import { ensureFirmware } from '@v3vee/setup';
import {
  StateStore,
  type DiskRepository,
  type HostLeaseRepository,
  type SnapshotRepository,
  type VmRepository,
  type VmStatusRepository,
} from '@v3vee/store';
import type { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { Checkpoints } from './checkpoints/checkpoints';
import type { PalaciosConfig } from './config';
import { Consoles } from './console/consoles';
import { CoreTime } from './host/core-time';
import { HostDisks } from './disks/host-disks';
import { KittenResources } from './host/kitten-resources';
import { thisHolder } from './lease/holder';
import { Lease } from './lease/lease';
import { Fleet } from './lifecycle/fleet';
import { limiter } from './lifecycle/limiter';
import type { Log, VmHost } from './lifecycle/ports';
import { GuestMachines } from './machines/guest-machines';
import { Images } from './machines/images';
import { Migrations } from './migration/migrations';
import { StoredDefinitions } from './records/definitions';
import { StoredStates } from './records/saved-states';
import { StoredSnapshots } from './records/snapshots';
import { DurableStatusLog } from './records/status-log';
import { startHeartbeat } from './service/heartbeat';
import { Names } from './service/names';
import { MigrationMetrics } from './service/migration-metrics';
import { PageStoreMetrics } from './service/page-store-metrics';
import { serveSnapshots } from './service/snapshot-calls';
import { serveVerbs } from './service/verbs';
import { VmMetrics } from './service/vm-metrics';
import { VpioMetrics } from './service/vpio-metrics';
import { HostDevices } from './vpio/host-devices';
import { WifiLink } from './wifi/wifi-link';

/** Machines that are built at a time: each takes a core for a while and, when restored, its memory twice. */
const PARALLEL_BUILDS = 2;
/** What the database may take at shut-down to hear of the last changes. */
const LAST_WRITES_MS = 5_000;

export interface PalaciosParts {
  config: PalaciosConfig;
  bus: Bus;
  dataSource: DataSource;
  vms: VmRepository;
  statuses: VmStatusRepository;
  snapshots: SnapshotRepository;
  disks: DiskRepository;
  leases: HostLeaseRepository;
  registry: Registry;
  log: Log;
}

/** Its own parts, which `open` makes. */
interface Inside {
  overlay: OverlayNode;
  resources: KittenResources;
  cores: CoreTime;
  status: DurableStatusLog;
  consoles: Consoles;
  devices: HostDevices;
  disks: HostDisks;
  wifi: WifiLink;
  states: StoredStates;
  definitions: StoredDefinitions;
  machines: GuestMachines;
  word: LeaseWord;
  incarnation: string;
}

/**
 * The VMM of one host, put together. `open` comes first, then `serve`, which takes the VMs over; `close` saves
 * all guests.
 */
export class Palacios {
  readonly incarnation: string;
  readonly fleet: Fleet;
  readonly #snapshots: StoredSnapshots;
  readonly #stoppables: Stoppable[] = [];
  readonly #host: VmHost;
  readonly #lease: Lease;
  readonly #checkpoints: Checkpoints;
  #migrations: Migrations | undefined;
  #recovered = false;
  #closing = false;

  private constructor(
    private readonly parts: PalaciosParts,
    private readonly inside: Inside,
  ) {
    this.incarnation = inside.incarnation;
    const { config, vms, statuses, log } = parts;
    const { definitions, resources, machines, status, states, word } = inside;
    const { leases } = parts;
    const name = config.V3_HOST;
    this.#lease = new Lease({
      host: name,
      incarnation: this.incarnation,
      holder: thisHolder(),
      seconds: config.V3_LEASE_SECONDS,
      guests: {
        standStill: () => this.fleet.standStill(),
        settle: owned => this.fleet.settle(owned),
        goOn: () => this.fleet.goOn(),
      },
      ...{ leases, vms, word, log },
    });
    this.#snapshots = new StoredSnapshots(name, parts.snapshots, states, () => inside.disks.tidySoon());
    const limited = limiter(PARALLEL_BUILDS);
    this.#host = {
      name,
      incarnation: this.incarnation,
      lease: this.#lease,
      definitions,
      resources,
      machines,
      status,
      states,
      snapshots: this.#snapshots,
      building: work => limited(() => (this.#closing ? Promise.reject(shuttingDown(name)) : work())),
      log,
    };
    this.fleet = new Fleet({ host: this.#host, vms, statuses });
    this.#checkpoints = new Checkpoints({
      host: name,
      lease: this.#lease,
      fleet: this.fleet,
      snapshots: parts.snapshots,
      remove: id => this.#snapshots.remove(id),
      ...{ vms, log },
    });
  }

  /** @throws V3Error where folders, firmware or the bus are not as they must be */
  static async open(parts: PalaciosParts): Promise<Palacios> {
    const { config, bus, dataSource, log } = parts;
    const host = config.V3_HOST;
    const { V3_SNAPSHOT_QUOTA_MIB: quotaMiB } = config;
    const store = await StateStore.open({
      folder: join(config.V3_STATE_DIR, 'states'),
      dataSource,
      owner: host,
      quotaBytes: quotaMiB === undefined ? undefined : quotaMiB * 2 ** 20,
    });
    const paths = await ensureFirmware({ cache: config.V3_CACHE_DIR });
    const firmware = { bios: await readFile(paths.bios), vgaBios: await readFile(paths.vgaBios) };
    const onNotice = (notice: string, detail: object) => log.warn(detail, notice);
    const overlay = await OverlayNode.start({ bus, host, onNotice });
    const definitions = new StoredDefinitions(host, parts.vms);
    const consoles = new Consoles(bus, host);
    const images = new ImageStore({
      builtIn: join(config.V3_CACHE_DIR, 'images'),
      imported: join(config.V3_STATE_DIR, 'images'),
    });
    const devices = new HostDevices(bus, host, log);
    const wifi = new WifiLink(bus, host, log);
    const folder = await DiskFolder.open(join(config.V3_STATE_DIR, 'disks'));
    const disks = new HostDisks({ host, folder, repository: parts.disks, log });
    const word = new LeaseWord();
    const incarnation = randomUUID();
    const cores = new CoreTime({ bus, host, incarnation });
    const machines = new GuestMachines({
      host,
      cores,
      devices,
      disks,
      wifi,
      lease: word,
      deviceModules: config.V3_DEVICE_MODULES,
      images: new Images(images),
      firmware,
      templates: join(config.V3_CACHE_DIR, 'templates'),
      overlay,
      consoles,
      neighbours: () => definitions.neighbours(),
      log,
    });
    return new Palacios(parts, {
      overlay,
      incarnation,
      cores,
      resources: new KittenResources({ bus, host, onGivenBack: vmId => cores.forget(vmId), log }),
      status: new DurableStatusLog({ host, repository: parts.statuses, bus, log }),
      consoles,
      devices,
      disks,
      wifi,
      states: new StoredStates(store, log),
      definitions,
      machines,
      word,
    });
  }

  /** Whether its VMs are where they are to be: true, or why not. */
  get ready(): true | string {
    const { ready } = this.inside.resources;
    if (ready !== true) return ready;
    if (!this.#lease.held) return `the lease of host ${this.parts.config.V3_HOST} is not held`;
    return this.#recovered || 'bringing its virtual machines back';
  }

  /** Takes the host's VMs over, serves verbs meanwhile, and resolves when each VM has been seen to. */
  async serve(): Promise<void> {
    const { fleet } = this;
    this.inside.cores.start();
    await this.inside.resources.open();
    if (this.#closing) return;
    // Nothing of an earlier Palacios, or of one that is cut off, runs any more.
    await this.#lease.open();
    if (this.#closing) return;
    const recover = await fleet.takeOver();
    if (this.#closing) return;
    this.#serve();
    await recover();
    this.#recovered = true;
    // What nobody refers to was removed at the start.
    this.inside.states.collectSoon();
    this.inside.disks.tidySoon();
    if (!this.#closing) this.#checkpoints.start();
    if (!this.#closing) await this.#warmUp();
  }

  /** Accepts nothing more, saves every guest, gives everything back. */
  async close(): Promise<void> {
    const { status, resources, cores, overlay, devices, wifi } = this.inside;
    this.#closing = true;
    this.#lease.end();
    await this.#checkpoints.stop();
    await this.#migrations?.stop();
    await this.fleet.shutDown();
    await this.inside.states.close();
    await this.inside.disks.close();
    for (const stoppable of this.#stoppables) stoppable.stop();
    await status.close(LAST_WRITES_MS);
    await this.#lease.close();
    resources.stop();
    cores.stop();
    devices.stop();
    wifi.stop();
    await overlay.stop();
  }

  #serve(): void {
    const { parts, inside, fleet, incarnation } = this;
    const { bus, registry, config, log } = parts;
    const { overlay, status, consoles, definitions } = inside;
    const host = config.V3_HOST;
    const { vms, statuses } = parts;
    this.#migrations = new Migrations({ ...this.#host, ...{ host, bus, fleet, vms, statuses, consoles } });
    const metrics = new VmMetrics({
      ...{ registry, fleet, overlay },
      behind: () => status.behind,
      leaseHeld: () => this.#lease.held,
    });
    new MigrationMetrics(registry, this.#migrations);
    new VpioMetrics({ registry, host, figures: () => inside.devices.figures() });
    new PageStoreMetrics({ registry, states: inside.states });
    const onDone = metrics.verbDone.bind(metrics);
    this.#stoppables.push(
      serveVerbs({
        ...{ bus, host, fleet, consoles, onDone },
        snapshots: this.#snapshots,
        checkpoints: this.#checkpoints,
      }),
      serveSnapshots({
        ...{ bus, host, definitions, states: inside.states, snapshots: this.#snapshots },
        blobs: join(config.V3_STATE_DIR, 'blobs'),
      }),
      serveCaptures({ bus, host, taps: overlay.taps }),
      new Names({ bus, fleet, definitions, log }),
      startHeartbeat(bus, host, incarnation, fleet),
      bus.serve(vnetCoreStats, host, () => overlay.stats()),
    );
  }

  /** One template after the other, so that starts that are asked for meanwhile find a core. */
  async #warmUp(): Promise<void> {
    for (const { definition } of this.fleet.all()) {
      if (this.#closing) return;
      await this.inside.machines.warmUp(definition).catch(thrown => {
        const error = V3Error.from(thrown).message;
        this.parts.log.warn(
          { vm: definition.name, error },
          'no template could be made ahead of its first start',
        );
      });
    }
  }
}

const shuttingDown = (host: string) =>
  new V3Error('SERVICE_UNAVAILABLE', `palacios on ${host} is shutting down`);
