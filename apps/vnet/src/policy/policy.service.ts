import {
  BeforeApplicationShutdown,
  Inject,
  Injectable,
  OnApplicationBootstrap,
  Optional,
} from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { V3Error, vnetCalls } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { storeError, VnetLinkRepository, VnetRouteRepository } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { RouterService } from '../router.service';
import { NetworkServices } from '../services/network-services';
import { LINK_RUNNER, type LinkRunner } from './link-runner';

/** How long after a failed reading of the store it is tried again, ms. */
const RETRY_MS = 500;

/**
 * Puts the routes and links of the store in force: before the router serves anybody (frames must not pass by
 * rules that are not all of them), when the gateway says that they changed, and when we may have missed that.
 */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly subscriptions: Stoppable[] = [];
  /** One reading at a time, in the order of asking. */
  private turn: Promise<void> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private loaded = false;
  private stopping = false;

  constructor(
    private readonly bus: Bus,
    private readonly router: RouterService,
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    private readonly services: NetworkServices,
    private readonly log: PinoLogger,
    readiness: Readiness,
    @Optional() @Inject(LINK_RUNNER) private readonly runner?: LinkRunner,
  ) {
    log.setContext('Policy');
    readiness.add('policy', () => this.loaded || 'the routes and links have not been read yet');
  }

  onApplicationBootstrap(): void {
    const { bus } = this;
    this.subscriptions.push(
      bus.serve(vnetCalls.reload, undefined, async () => {
        await this.reload();
        return {};
      }),
      bus.onReconnect(() => this.reloadInTime()),
    );
    this.reloadInTime();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retry);
    for (const subscription of this.subscriptions) subscription.stop();
    await this.turn;
  }

  /** Resolves when what the store holds now is in force and the hosts were told. */
  async reload(): Promise<void> {
    const reading = this.turn.then(() => this.read());
    this.turn = reading.catch(() => undefined);
    try {
      await reading;
    } catch (thrown) {
      const error = V3Error.from(storeError(thrown));
      this.log.warn({ error: error.message }, 'routes and links could not be read; will be tried again');
      this.later();
      throw error;
    }
  }

  private reloadInTime(): void {
    // Told of already, and tried again.
    this.reload().catch(() => undefined);
  }

  private later(): void {
    if (this.stopping || this.retry) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.reloadInTime();
    }, RETRY_MS);
  }

  private async read(): Promise<void> {
    if (this.stopping) return;
    const [rules, configs] = [await this.routes.allRules(), await this.links.allConfigs()];
    this.router.router.setRules(rules);
    await this.router.open();
    await this.runner?.converge(configs);
    await this.services.converge();
    await this.bus.flush();
    this.loaded = true;
  }
}
