import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { wifiCalls, type FixedSnr } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { AccessPointRepository, RadioRepository, StoreFollower } from '@v3vee/store';
import { Air } from '@v3vee/wifi';
import { PinoLogger } from 'nestjs-pino';
import { AccessPoints } from './access-points/access-points';
import { HostVm } from './host-vm.service';
import { Radios } from './radios/radios';

/**
 * Puts the radios, access points and SNRs of the store in force: before VMs are served, when the gateway says that they
 * changed, and when we may have missed that.
 */
@Injectable()
export class DefinitionsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly subscriptions: Stoppable[] = [];
  private readonly store: StoreFollower;
  private snrs: FixedSnr[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly air: Air,
    private readonly radios: Radios,
    private readonly accessPoints: AccessPoints,
    private readonly hostVm: HostVm,
    private readonly radioRows: RadioRepository,
    private readonly accessPointRows: AccessPointRepository,
    log: PinoLogger,
    readiness: Readiness,
  ) {
    log.setContext('Definitions');
    this.store = new StoreFollower(
      () => this.read(),
      ({ message: error }) =>
        log.warn({ error }, 'radios and access points could not be read; will be tried again'),
    );
    readiness.add('radios', () => this.store.loaded || 'the radios and access points have not been read yet');
  }

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.bus.serve(wifiCalls.reload, undefined, async () => {
        await this.store.reload();
        return {};
      }),
      this.bus.onReconnect(() => this.store.reloadInTime()),
    );
    this.store.reloadInTime();
  }

  async beforeApplicationShutdown(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.stop();
    await this.store.stop();
  }

  private async read(): Promise<void> {
    const radios = await this.radioRows.all();
    const accessPoints = await this.accessPointRows.allConfigs();
    const snrs = await this.radioRows.snrs();
    for (const { a, b } of this.snrs) this.air.setSnr(a, b, undefined);
    for (const { a, b, snr } of snrs) this.air.setSnr(a, b, snr);
    this.snrs = snrs;
    this.radios.converge(radios);
    this.accessPoints.converge(accessPoints);
    if (!this.store.loaded) await this.hostVm.open();
  }
}
