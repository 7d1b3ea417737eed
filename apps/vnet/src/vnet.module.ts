import { BeforeApplicationShutdown, Injectable, Module } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { LINKS_HOST } from '@v3vee/contracts';
import { LoopGuard, OverlayNode, serveCaptures } from '@v3vee/overlay';
import { SERVICE_CONFIG } from '@v3vee/service';
import { StoreModule } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import type { VnetConfig } from './config';
import { LinksMetrics } from './links/links.metrics';
import { LinksService } from './links/links.service';
import { LINK_RUNNER } from './policy/link-runner';
import { PolicyService } from './policy/policy.service';
import { RouterMetrics } from './router.metrics';
import { RouterService } from './router.service';
import { NetworkServices } from './services/network-services';
import { ServicesMetrics } from './services/services.metrics';

@Injectable()
class OverlayCloser implements BeforeApplicationShutdown {
  private readonly captures: Stoppable;

  constructor(
    private readonly node: OverlayNode,
    bus: Bus,
  ) {
    this.captures = serveCaptures({ bus, host: LINKS_HOST, taps: node.taps });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.captures.stop();
    await this.node.stop();
  }
}

@Module({
  imports: [
    StoreModule.forRootAsync({
      inject: [SERVICE_CONFIG],
      url: (config: VnetConfig) => config.V3_DATABASE_URL,
    }),
  ],
  providers: [
    { provide: LoopGuard, useFactory: () => new LoopGuard() },
    {
      // The vnet service's own end of the overlay, for what it attaches itself.
      provide: OverlayNode,
      inject: [Bus, LoopGuard, PinoLogger],
      useFactory: (bus: Bus, loopGuard: LoopGuard, log: PinoLogger) =>
        OverlayNode.start({
          bus,
          host: LINKS_HOST,
          loopGuard,
          onNotice: (notice, detail) => log.debug(detail, notice),
        }),
    },
    OverlayCloser,
    LinksService,
    { provide: LINK_RUNNER, useExisting: LinksService },
    LinksMetrics,
    RouterService,
    PolicyService,
    RouterMetrics,
    NetworkServices,
    ServicesMetrics,
  ],
})
export class VnetModule {}
