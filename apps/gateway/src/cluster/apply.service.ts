import { Injectable } from '@nestjs/common';
import { V3Error, type ApplyResult, type FieldError, type Operation, type Topology } from '@v3vee/contracts';
import { HostRepository, NetworkRepository, VmRepository, type VmDefinition } from '@v3vee/store';
import type { GatewayConfig } from '../config';
import { Config } from '@v3vee/service';
import { HostDirectory } from '../hosts/host-directory';
import { PalaciosClient } from '../hosts/palacios-client';
import type { Caller } from '../http/endpoint';
import { ImageCatalogue, wifiProblem } from '../images/image-catalogue';
import { Migrations } from '../migrations/migrations.service';
import { operationView } from '../operations/operation-view';
import { OperationsService, type OperationContext } from '../operations/operations.service';
import { NicSettingsService } from '../vms/nic-settings.service';
import { VmDefinitions } from '../vms/vm-definitions.service';
import { lockOf } from '../vms/vm-lock';
import { VmVerbs } from '../vms/vm-verbs.service';
import { VmViews } from '../vms/vm-view';
import { VnetClient } from '../vnet/vnet-client';
import { WifiClient } from '../wifi/wifi-client';
import { OverlayApply } from './overlay-apply.service';
import { planCluster, type ClusterPlan, type Present } from './plan';
import { ProjectApply } from './project-apply.service';
import { WifiApply } from './wifi-apply.service';

type Change = ApplyResult['changes'][number];

/** One run of apply: what it may use, and what it has changed so far. */
interface Run {
  plan: ClusterPlan;
  context: OperationContext;
  changes: Change[];
}

/** Makes the cluster what a cluster file declares. */
@Injectable()
export class ClusterApply {
  constructor(
    private readonly hosts: HostRepository,
    private readonly networks: NetworkRepository,
    private readonly vms: VmRepository,
    private readonly definitions: VmDefinitions,
    private readonly verbs: VmVerbs,
    private readonly views: VmViews,
    private readonly images: ImageCatalogue,
    private readonly operations: OperationsService,
    private readonly migrations: Migrations,
    private readonly settings: NicSettingsService,
    private readonly overlay: OverlayApply,
    private readonly projects: ProjectApply,
    private readonly vnet: VnetClient,
    private readonly accessPoints: WifiApply,
    private readonly wifi: WifiClient,
    private readonly palacios: PalaciosClient,
    private readonly directory: HostDirectory,
    @Config() private readonly config: GatewayConfig,
  ) {}

  /** @throws V3Error CLUSTER_FILE_INVALID, CLUSTER_BUSY, HOST_IN_USE, NETWORK_IN_USE, DEVICE_IN_USE, VNET_LINK_IN_USE, before anything is changed */
  async begin(declared: Topology, caller: Caller): Promise<Operation> {
    await this.assertImages(declared);
    const present = await this.present();
    await this.projects.assertPossible(declared, present);
    const { removeNetworks } = planCluster(declared, present);
    await this.overlay.assertFeasible(declared, removeNetworks);
    await this.accessPoints.assertFeasible(declared, removeNetworks);
    const operation = await this.operations.begin({
      verb: 'apply',
      target: 'cluster',
      caller,
      locks: [{ resource: 'cluster', name: 'the cluster' }],
      work: context => this.apply(declared, context),
    });
    return operationView(operation);
  }

  /** Networks come before the VMs on them and go after them; hosts likewise. */
  private async apply(declared: Topology, context: OperationContext): Promise<ApplyResult> {
    const plan = planCluster(declared, await this.present());
    const run: Run = { plan, context, changes: [] };
    await this.lockVms(run);
    await this.putHosts(run);
    // A VM that moves to a host with a new radio finds it there.
    const radios = plan.saveHosts.some(({ first }) => first.radios.length > 0);
    if (radios) await this.wifi.reload();
    await this.putNetworks(run);
    await this.removeVms(run);
    await this.moveVms(run);
    await this.updateVms(run);
    await this.createVms(run);
    await this.removeHardware(run);
    await this.setNics(run);
    run.changes.push(...(await this.overlay.apply(declared)));
    run.changes.push(...(await this.accessPoints.apply(declared)));
    const changed = (kinds: RegExp) => run.changes.some(({ resource }) => kinds.test(resource));
    if (changed(/^(networks|vnet)\//)) await this.vnet.reload();
    if (radios || changed(/^access-points\//)) await this.wifi.reload();
    await this.startVms(run);
    for (const network of plan.removeNetworks) {
      await this.networks.remove(network);
      run.changes.push({ action: 'delete', resource: `networks/${network.name}`, detail: '' });
    }
    if (plan.removeNetworks.length > 0) await this.vnet.reload();
    for (const name of plan.removeHosts) {
      await this.hosts.remove(name);
      run.changes.push({ action: 'delete', resource: `hosts/${name}`, detail: '' });
    }
    if (plan.removeHosts.length > 0) await this.wifi.reload();
    return { changes: run.changes };
  }

  private async present(): Promise<Present> {
    const [hosts, networks, vms] = await Promise.all([this.hosts.all(), this.networks.all(), this.vms.all()]);
    const conditions = await this.views.conditions(vms);
    return { hosts, networks, vms: vms.map((vm, index) => ({ vm, condition: conditions[index]! })) };
  }

  private async assertImages(declared: Topology): Promise<void> {
    const images = await this.images.list();
    const known = images.map(({ name }) => name);
    const fields: FieldError[] = Object.entries(declared.vms)
      .filter(([, { image }]) => !known.includes(image))
      .map(([name, { image }]) => ({
        path: `vms.${name}.image`,
        message: `there is no image "${image}"; images are: ${known.join(', ') || 'none'}`,
      }));
    for (const [name, { image, wifi }] of Object.entries(declared.vms)) {
      const message = wifi.length > 0 ? wifiProblem(image, images) : undefined;
      if (message) fields.push({ path: `vms.${name}.image`, message });
    }
    if (fields.length === 0) return;
    const detail = fields.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new V3Error('CLUSTER_FILE_INVALID', detail, { fields });
  }

  /** All that will be touched, first: a busy VM stops the run before it changed anything. */
  private async lockVms({ plan, context }: Run): Promise<void> {
    const starting = await Promise.all(plan.startVms.map(name => this.vms.find(name)));
    const touched = [
      ...plan.removeVms.map(({ vm }) => vm),
      ...plan.moveVms.map(({ vm }) => vm),
      ...plan.updateVms.map(({ vm }) => vm),
      ...plan.setNics.map(({ vm }) => vm),
      ...starting.filter(vm => vm !== null),
    ];
    for (const vm of touched) await context.lock(lockOf(vm));
  }

  private async putHosts({ plan, changes }: Run): Promise<void> {
    for (const { first, isNew, detail } of plan.saveHosts) {
      await this.hosts.save(first);
      changes.push({ action: isNew ? 'create' : 'update', resource: `hosts/${first.name}`, detail });
    }
  }

  /** Cards and radios, when no VM uses them any more. */
  private async removeHardware({ plan }: Run): Promise<void> {
    for (const { host, first } of plan.saveHosts) {
      const goes = first.nics.length > host.nics.length || first.radios.length > host.radios.length;
      if (goes) await this.hosts.save(host);
    }
  }

  private async putNetworks({ plan, changes }: Run): Promise<void> {
    for (const { name, project, subnet = null, dhcp, dns } of plan.createNetworks) {
      await this.networks.create({ name, project, subnet, dhcp, dns, managed: true });
      changes.push({ action: 'create', resource: `networks/${name}`, detail: subnet ?? '' });
    }
    for (const { network, changes: values, detail } of plan.updateNetworks) {
      await this.networks.update(network.id, values);
      changes.push({ action: 'update', resource: `networks/${network.name}`, detail });
    }
  }

  private async removeVms(run: Run): Promise<void> {
    const { plan, context, changes } = run;
    for (const { vm, live } of plan.removeVms) {
      await context.progress(`deleting ${vm.name}`);
      if (this.isLost(plan, vm.ownerHost)) await this.vms.remove(vm.id);
      else {
        if (live) await this.stop(run, vm);
        await this.verbs.erase(vm, context.signal);
      }
      changes.push({ action: 'delete', resource: `vms/${vm.name}`, detail: '' });
    }
  }

  /** As they run, when what is no longer declared has made room. */
  private async moveVms({ plan, context, changes }: Run): Promise<void> {
    for (const { vm, target, cards } of plan.moveVms) {
      await this.directory.whenReady(target, this.config.V3_HOST_PATIENCE_MS, context.signal);
      await this.migrations.move(await this.definitions.find(vm.id), target, context, { cards });
      const detail = `from ${vm.ownerHost} to ${target}`;
      changes.push({ action: 'move', resource: `vms/${vm.name}`, detail });
    }
  }

  private async updateVms(run: Run): Promise<void> {
    const { plan, changes } = run;
    for (const { vm, stop } of plan.updateVms) {
      if (stop && !this.isLost(plan, vm.ownerHost)) await this.stop(run, vm);
    }
    await this.definitions.changeAll(plan.updateVms, new Set(plan.removeHosts));
    for (const { vm, detail } of plan.updateVms) {
      changes.push({ action: 'update', resource: `vms/${vm.name}`, detail });
    }
  }

  private async createVms({ plan, context, changes }: Run): Promise<void> {
    for (const spec of plan.createVms) {
      const vm = await this.definitions.create(spec, true);
      await context.lock(lockOf(vm));
      changes.push({
        action: 'create',
        resource: `vms/${vm.name}`,
        detail: `${vm.memoryMiB} MiB on ${vm.host}`,
      });
    }
  }

  private async setNics({ plan, changes }: Run): Promise<void> {
    for (const { vm, index, patch, detail } of plan.setNics) {
      await this.settings.change(await this.definitions.find(vm.id), index, patch);
      changes.push({ action: 'update', resource: `vms/${vm.name}`, detail });
    }
  }

  /** Hosts in parallel, the VMs of one in turn. One that fails does not keep the others from starting. */
  private async startVms({ plan, context, changes }: Run): Promise<void> {
    const byHost = new Map<string, VmDefinition[]>();
    for (const name of plan.startVms) {
      const vm = await this.definitions.find(name);
      byHost.set(vm.ownerHost, [...(byHost.get(vm.ownerHost) ?? []), vm]);
    }
    if (byHost.size > 0) await context.progress(`starting ${plan.startVms.join(', ')}`);
    const failures: { vm: VmDefinition; error: V3Error }[] = [];
    const startAllOf = async (host: string, vms: VmDefinition[]) => {
      for (const vm of vms) {
        try {
          await this.directory.whenReady(host, this.config.V3_HOST_PATIENCE_MS, context.signal);
          await this.palacios.call('start', host, { vmId: vm.id }, { signal: context.signal });
          changes.push({ action: 'start', resource: `vms/${vm.name}`, detail: `on ${host}` });
        } catch (thrown) {
          failures.push({ vm, error: V3Error.from(thrown) });
        }
      }
    };
    await Promise.all([...byHost].map(([host, vms]) => startAllOf(host, vms)));
    const [first] = failures;
    if (!first) return;
    const detail = failures.map(({ vm, error }) => `${vm.name} was not started: ${error.message}`).join('; ');
    throw new V3Error(first.error.code, detail, { cause: first.error });
  }

  private async stop({ context, changes }: Run, vm: VmDefinition): Promise<void> {
    await context.progress(`stopping ${vm.name}`);
    await this.directory.whenReady(vm.ownerHost, this.config.V3_HOST_PATIENCE_MS, context.signal);
    await this.palacios.call('stop', vm.ownerHost, { vmId: vm.id }, { signal: context.signal });
    changes.push({ action: 'stop', resource: `vms/${vm.name}`, detail: `on ${vm.ownerHost}` });
  }

  /** A host that is neither declared nor heard: what it kept of its VMs is swept by whoever comes next. */
  private isLost(plan: ClusterPlan, host: string): boolean {
    return plan.removeHosts.includes(host) && this.directory.palaciosSilence(host) !== '';
  }
}
