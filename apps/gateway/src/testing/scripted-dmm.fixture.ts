import type { Bus, Stoppable } from '@v3vee/bus';
import { dmmCalls, V3Error, type DmmPolicy, type HookRule } from '@v3vee/contracts';
import { DmmPolicyRepository } from '@v3vee/store';
import type { DataSource } from 'typeorm';

/** The device modeling monitor at the protocol's boundary: it loads policies when it is told to, and has the hooks that a test wants. */
export class ScriptedDmm {
  /** As of the last reload. */
  policies: ReadonlyMap<string, DmmPolicy> = new Map();
  /** By device, `alpha/eth0`; of others it knows nothing. */
  hooks: Record<string, HookRule[]> = {};
  private subscriptions: Stoppable[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly dataSource: DataSource,
  ) {}

  start(): this {
    this.subscriptions = [
      this.bus.serve(dmmCalls.reload, undefined, async () => {
        this.policies = await new DmmPolicyRepository(this.dataSource).all();
        return {};
      }),
      this.bus.serve(dmmCalls.hooks, undefined, ({ host, nic }) => {
        const hooks = this.hooks[`${host}/${nic}`];
        if (!hooks) throw new V3Error('DEVICE_NOT_FOUND', `${host}/${nic} is not known`);
        return { hooks };
      }),
    ];
    return this;
  }

  stop(): void {
    for (const subscription of this.subscriptions) subscription.stop();
    this.subscriptions = [];
  }
}
