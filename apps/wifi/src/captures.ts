import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { AIR_HOST } from '@v3vee/contracts';
import { serveCaptures } from '@v3vee/overlay';
import { Air, AirTaps } from '@v3vee/wifi';

/** Lets what is on the air be captured. */
@Injectable()
export class Captures implements BeforeApplicationShutdown {
  private readonly served: Stoppable;

  constructor(bus: Bus, air: Air) {
    this.served = serveCaptures({ bus, host: AIR_HOST, taps: new AirTaps(air) });
  }

  beforeApplicationShutdown(): void {
    this.served.stop();
  }
}
