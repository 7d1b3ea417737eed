import { BeforeApplicationShutdown, Injectable, Module } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { AIR_HOST } from '@v3vee/contracts';
import { OverlayNode } from '@v3vee/overlay';
import { SERVICE_CONFIG } from '@v3vee/service';
import { StoreModule } from '@v3vee/store';
import { Air } from '@v3vee/wifi';
import { PinoLogger } from 'nestjs-pino';
import { AccessPoints } from './access-points/access-points';
import { Captures } from './captures';
import type { WifiConfig } from './config';
import { DefinitionsService } from './definitions.service';
import { Events } from './events';
import { HostVm } from './host-vm.service';
import { Names } from './names';
import { Radios } from './radios/radios';
import { StatusReport } from './status/status-report';
import { WifiMetrics } from './status/wifi.metrics';

@Injectable()
class OverlayCloser implements BeforeApplicationShutdown {
  constructor(private readonly node: OverlayNode) {}

  beforeApplicationShutdown(): Promise<void> {
    return this.node.stop();
  }
}

@Module({
  imports: [
    StoreModule.forRootAsync({
      inject: [SERVICE_CONFIG],
      url: (config: WifiConfig) => config.V3_DATABASE_URL,
    }),
  ],
  providers: [
    {
      provide: Air,
      inject: [SERVICE_CONFIG],
      useFactory: (config: WifiConfig) => new Air({ seed: config.V3_WIFI_SEED }),
    },
    {
      // Where access points reach the wired networks.
      provide: OverlayNode,
      inject: [Bus, PinoLogger],
      useFactory: (bus: Bus, log: PinoLogger) =>
        OverlayNode.start({ bus, host: AIR_HOST, onNotice: (notice, detail) => log.debug(detail, notice) }),
    },
    Names,
    { provide: Events, inject: [Names], useFactory: (names: Names) => new Events(names) },
    Radios,
    AccessPoints,
    StatusReport,
    HostVm,
    Captures,
    DefinitionsService,
    WifiMetrics,
    OverlayCloser,
  ],
})
export class WifiModule {}
