import {
  BeforeApplicationShutdown,
  Inject,
  Injectable,
  OnApplicationBootstrap,
  Optional,
} from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { vnetCalls } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { StoreFollower, VnetLinkRepository, VnetRouteRepository } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { RouterService } from '../router.service';
import { NetworkServices } from '../services/network-services';
import { LINK_RUNNER, type LinkRunner } from './link-runner';

/**
 * Puts the routes and links of the store in force: before the router serves anybody (frames must not pass by
 * rules that are not all of them), when the gateway says that they changed, and when we may have missed that.
 */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly subscriptions: Stoppable[] = [];
  private readonly store: StoreFollower;

  constructor(
    private readonly bus: Bus,
    private readonly router: RouterService,
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    private readonly services: NetworkServices,
    log: PinoLogger,
    readiness: Readiness,
    @Optional() @Inject(LINK_RUNNER) private readonly runner?: LinkRunner,
  ) {
    log.setContext('Policy');
    this.store = new StoreFollower(
      () => this.read(),
      ({ message: error }) => log.warn({ error }, 'routes and links could not be read; will be tried again'),
    );
    readiness.add('policy', () => this.store.loaded || 'the routes and links have not been read yet');
  }

  onApplicationBootstrap(): void {
    const { bus } = this;
    this.subscriptions.push(
      bus.serve(vnetCalls.reload, undefined, async () => {
        await this.store.reload();
        return {};
      }),
      bus.onReconnect(() => this.store.reloadInTime()),
    );
    this.store.reloadInTime();
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.stop();
    await this.store.stop();
  }

  /** What the store holds now is in force, and the hosts were told. */
  private async read(): Promise<void> {
    const [rules, configs] = [await this.routes.allRules(), await this.links.allConfigs()];
    this.router.router.setRules(rules);
    await this.router.open();
    await this.runner?.converge(configs);
    await this.services.converge();
    await this.bus.flush();
  }
}
