import type { Bus, Stoppable } from '@v3vee/bus';
import { LINKS_HOST, vnetCalls, type VnetRule } from '@v3vee/contracts';
import { VnetLinkRepository, VnetRouteRepository } from '@v3vee/store';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';

type Status = z.input<typeof vnetCalls.status.response>;

/** The vnet service at the protocol's boundary: it loads when it is told to, and says what a test wants. */
export class ScriptedVnet {
  /** As of the last reload. */
  rules: VnetRule[] = [];
  reloads = 0;
  automatic: Status['automatic'] = [];
  private subscriptions: Stoppable[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly dataSource: DataSource,
  ) {}

  /** Resolves when it can be asked: until NATS has its subscriptions, nobody is there to answer. */
  async start(): Promise<this> {
    this.subscriptions = [
      this.bus.serve(vnetCalls.reload, undefined, async () => {
        this.rules = await new VnetRouteRepository(this.dataSource).allRules();
        this.reloads++;
        return {};
      }),
      this.bus.serve(vnetCalls.status, undefined, async () => ({
        automatic: this.automatic,
        router: { routes: this.rules.length },
        core: { host: LINKS_HOST, cached: 1, counters: { rx: 5 } },
        links: (await new VnetLinkRepository(this.dataSource).allConfigs()).map(({ index, up }) => ({
          index,
          state: up ? ('UP' as const) : ('DOWN' as const),
          reason: '',
          learned: [],
          counters: {
            ...{ receivePackets: 1, receiveBytes: 60, transmitPackets: 2, transmitBytes: 120 },
            dropped: {},
          },
        })),
      })),
    ];
    await this.bus.flush();
    return this;
  }

  stop(): void {
    for (const subscription of this.subscriptions) subscription.stop();
    this.subscriptions = [];
  }
}
