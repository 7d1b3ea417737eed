import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Config } from '@v3vee/service';
import { EventRepository, HostRepository, VmRepository, VmStatusRepository } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';
import { HostDirectory } from '../hosts/host-directory';
import { VmViews } from '../vms/vm-view';

const LOOK_MS = 500;
const states = ['READY', 'NOT_READY'] as const;

/**
 * Logs that hosts come and go. Nobody writes that to the store: it is what is heard of them. So is what becomes of
 * their VMs meanwhile, whose own word is not believed.
 */
@Injectable()
export class HostEvents implements OnApplicationBootstrap, OnApplicationShutdown {
  /** As logged last. */
  private readonly known = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private startedAt = 0;
  private stopping = false;

  constructor(
    private readonly hosts: HostRepository,
    private readonly directory: HostDirectory,
    private readonly vms: VmRepository,
    private readonly statuses: VmStatusRepository,
    private readonly views: VmViews,
    private readonly events: EventRepository,
    private readonly log: PinoLogger,
    @Config() private readonly config: GatewayConfig,
  ) {
    log.setContext(HostEvents.name);
  }

  onApplicationBootstrap(): void {
    this.startedAt = performance.now();
    this.later();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    await this.looking;
  }

  private later(): void {
    if (this.stopping) return;
    this.timer = setTimeout(() => {
      this.looking = this.look()
        .catch((error: unknown) => this.log.debug({ err: error }, 'changes of hosts were not logged yet'))
        .finally(() => this.later());
    }, LOOK_MS).unref();
  }

  private async look(): Promise<void> {
    for (const { name } of await this.hosts.all()) {
      const { ready, reason } = this.directory.readiness(name);
      const state = ready ? 'READY' : 'NOT_READY';
      const before = this.known.get(name) ?? (await this.events.lastOf('host', name, states));
      // A gateway that has just started has heard nobody yet.
      const isSure = ready || performance.now() - this.startedAt > this.config.V3_HOST_SILENCE_MS;
      if (!isSure) continue;
      if (before !== state) {
        await this.events.log({ kind: 'host', name, vm: null, project: null, before, state, reason });
        await this.tellOfVms(name, ready);
      }
      this.known.set(name, state);
    }
  }

  private async tellOfVms(host: string, ready: boolean): Promise<void> {
    const vms = (await this.vms.all()).filter(({ ownerHost }) => ownerHost === host);
    const [conditions, written] = await Promise.all([
      this.views.conditions(vms),
      this.statuses.getMany(vms.map(({ id }) => id)),
    ]);
    for (const [n, { id, name, project }] of vms.entries()) {
      const { state, reason } = conditions[n] as (typeof conditions)[number];
      const own = written.get(id)?.state;
      if (own === undefined || own === 'STOPPED' || own === 'ERROR') continue;
      if (ready !== (state === own)) continue;
      const before = ready ? 'ERROR' : own;
      // Of a host that is seen for the first time nobody said that its VMs were lost.
      if ((await this.events.lastOf('vm', name)) !== before) continue;
      await this.events.log({
        kind: 'vm',
        name,
        vm: name,
        project,
        before,
        state,
        reason: ready ? `${host} answers again` : reason,
      });
    }
  }
}
