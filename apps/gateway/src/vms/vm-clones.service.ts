import { randomUUID } from 'node:crypto';
import { Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { V3Error, verbStates, type Operation, type ParsedBodyOf } from '@v3vee/contracts';
import {
  HostRepository,
  OperationRepository,
  SnapshotRepository,
  VmRepository,
  type VmDefinition,
} from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { cloneDisks } from '../disks/disk-planner';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { operationView } from '../operations/operation-view';
import { OperationsService, type OperationContext } from '../operations/operations.service';
import { SnapshotRemoval } from '../snapshots/snapshot-removal';
import { NicPlanner, noNics } from './nic-planner';
import { VmDefinitions } from './vm-definitions.service';
import { lockOf } from './vm-lock';
import { VmVerbs } from './vm-verbs.service';
import { VmViews } from './vm-view';
import { cloneWifi } from './wifi-nics';

type CloneRequest = ParsedBodyOf<'cloneVm'>;

/** What a clone starts from. */
interface Origin {
  snapshotId: string;
  memoryMiB: number;
  image: string;
  networks: string[];
}

/** A clone's own snapshot of its source is told from those of people by its name. */
const temporaryName = (operationId: string): string => `clone-${operationId}`;

/**
 * A new VM that goes on from a saved state of another. The new VM has the operation's id and the temporary
 * snapshot its name, so that whatever a failed or interrupted clone leaves can be found and removed.
 */
@Injectable()
export class VmClones implements OnApplicationBootstrap {
  constructor(
    private readonly definitions: VmDefinitions,
    private readonly verbs: VmVerbs,
    private readonly vms: VmRepository,
    private readonly hosts: HostRepository,
    private readonly snapshots: SnapshotRepository,
    private readonly snapshotRemoval: SnapshotRemoval,
    private readonly nics: NicPlanner,
    private readonly views: VmViews,
    private readonly operations: OperationsService,
    private readonly history: OperationRepository,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
    private readonly log: PinoLogger,
  ) {
    log.setContext(VmClones.name);
  }

  /** What clones of an earlier process left is removed as soon as its hosts are heard; the start waits for neither. */
  onApplicationBootstrap(): void {
    this.operations.recovered
      .then(() => this.history.failedIds('clone'))
      .then(ids => ids.forEach(id => void this.cleanUpLater(id)))
      .catch(error => this.log.error({ err: error }, 'failed clones were not looked for'));
  }

  async begin(idOrName: string, request: CloneRequest, caller: Caller): Promise<Operation> {
    const source = await this.definitions.find(idOrName);
    const given = request.snapshot && (await this.verbs.findSnapshot(source, request.snapshot));
    const host = request.host ?? source.ownerHost;
    const target = await this.hosts.find(host);
    if (!target) throw new V3Error('HOST_NOT_FOUND', `there is no host "${host}"`);
    if (target.cordoned) {
      throw new V3Error(
        'HOST_CORDONED',
        `host ${host} is cordoned: it gets no further VMs until it is uncordoned; name another one`,
      );
    }
    if (await this.vms.find(request.name)) {
      throw new V3Error('VM_EXISTS', `a virtual machine named "${request.name}" exists; choose another name`);
    }
    const nicCount = given ? given.nics.length : source.nics.length;
    if (request.ips && request.ips.length !== nicCount) {
      const message = `${source.name} has ${nicCount} NICs; give as many addresses, or leave "ips" out`;
      throw new V3Error('INVALID_REQUEST', `ips: ${message}`, { fields: [{ path: 'ips', message }] });
    }
    this.directory.assertReady(host);
    const id = randomUUID();
    const operation = await this.operations.begin({
      id,
      verb: 'clone',
      target: `vms/${source.name}`,
      caller,
      locks: [lockOf(source), lockOf({ id, name: request.name })],
      check: async manager => {
        if (given) return;
        const { state } = await this.views.condition(source, manager);
        const allowed: readonly string[] = verbStates.snapshot;
        if (allowed.includes(state)) return;
        throw new V3Error(
          'VM_WRONG_STATE',
          `${source.name} is ${state}; a clone of its present state needs it to be ${allowed.join(' or ')}; ` +
            `or name a snapshot to clone`,
        );
      },
      work: context => this.clone(source, { ...request, host }, given || undefined, context),
    });
    return operationView(operation);
  }

  private async clone(
    source: VmDefinition,
    request: CloneRequest & { host: string },
    given: { id: string; memoryMiB: number; image: string; nics: { network: string }[] } | undefined,
    { id, signal, progress }: OperationContext,
  ): Promise<object> {
    try {
      const origin: Origin = given
        ? { ...given, snapshotId: given.id, networks: given.nics.map(({ network }) => network) }
        : await this.saveSource(source, id, signal, progress);
      await progress(`defining ${request.name}`);
      const { memoryMiB, image, networks, snapshotId } = origin;
      const specs = networks.map((network, index) => {
        const { settings, device, access } = source.nics[index] ?? {};
        const card = device && access ? { device, access } : {};
        return { network, ip: request.ips?.[index], settings, ...card };
      });
      const { project } = source;
      const wanted = { project, nics: specs, wifi: cloneWifi(source) };
      const clone = await this.nics.planning(wanted, request.host, noNics, planned =>
        this.vms.create({
          id,
          name: request.name,
          project,
          host: request.host,
          memoryMiB,
          image,
          nics: [],
          ...planned,
          disks: cloneDisks(source),
          autostart: false,
          boot: source.boot,
          yield: source.yield,
          devices: source.devices,
          managed: false,
        }),
      );
      await progress(`restoring ${request.name} on ${request.host}`);
      await this.palacios.call('restore', request.host, { vmId: id, snapshotId, identity: true }, { signal });
      if (!given) await this.snapshotRemoval.remove(await this.temporary(source.id, id));
      return await this.views.view(clone);
    } catch (thrown) {
      // The reason may be that a host is away; then it is done when that is back.
      await this.cleanUp(id).catch(() => void this.cleanUpLater(id));
      throw thrown;
    }
  }

  private async saveSource(
    source: VmDefinition,
    operationId: string,
    signal: AbortSignal,
    progress: OperationContext['progress'],
  ): Promise<Origin> {
    await progress(`saving ${source.name}`);
    const { id, memoryMiB, image } = await this.palacios.call(
      'snapshot',
      source.ownerHost,
      { vmId: source.id, name: temporaryName(operationId) },
      { signal },
    );
    return { snapshotId: id, memoryMiB, image, networks: source.nics.map(({ network }) => network) };
  }

  private async temporary(sourceId: string, operationId: string) {
    return this.snapshots.find(sourceId, temporaryName(operationId));
  }

  /** Removes the new VM and the temporary snapshot, as far as there are such. */
  private async cleanUp(operationId: string): Promise<void> {
    const clone = await this.vms.get(operationId);
    if (clone) {
      // Its Palacios may have begun to restore it and may not have written so yet.
      const request = { vmId: clone.id };
      await this.palacios.call('stop', clone.ownerHost, request).catch(() => undefined);
      await this.palacios.call('forget', clone.ownerHost, request).catch(() => undefined);
      await this.vms.remove(clone.id);
    }
    for (const snapshot of await this.snapshots.named(temporaryName(operationId))) {
      await this.snapshotRemoval.remove(snapshot);
    }
  }

  /** As soon as the hosts that have anything of it are heard. */
  private async cleanUpLater(operationId: string): Promise<void> {
    try {
      const clone = await this.vms.get(operationId);
      const snapshots = await this.snapshots.named(temporaryName(operationId));
      const concerned = new Set([...(clone ? [clone.ownerHost] : []), ...snapshots.map(({ host }) => host)]);
      for (const host of concerned) await this.directory.whenReady(host, Infinity);
      await this.cleanUp(operationId);
    } catch (error) {
      this.log.error({ err: error, operation: operationId }, 'a failed clone was not cleaned up yet');
    }
  }
}
