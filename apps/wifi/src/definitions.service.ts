import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { V3Error, wifiCalls, type FixedSnr } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { AccessPointRepository, RadioRepository, storeError } from '@v3vee/store';
import { Air } from '@v3vee/wifi';
import { PinoLogger } from 'nestjs-pino';
import { AccessPoints } from './access-points/access-points';
import { HostVm } from './host-vm.service';
import { Radios } from './radios/radios';

/** How long after a failed reading of the store it is tried again, ms. */
const RETRY_MS = 500;

/**
 * Puts the radios, access points and SNRs of the store in force: before VMs are served, when the gateway says that they
 * changed, and when we may have missed that.
 */
@Injectable()
export class DefinitionsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly subscriptions: Stoppable[] = [];
  /** One reading at a time, in the order of asking. */
  private turn: Promise<void> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private snrs: FixedSnr[] = [];
  private loaded = false;
  private stopping = false;

  constructor(
    private readonly bus: Bus,
    private readonly air: Air,
    private readonly radios: Radios,
    private readonly accessPoints: AccessPoints,
    private readonly hostVm: HostVm,
    private readonly radioRows: RadioRepository,
    private readonly accessPointRows: AccessPointRepository,
    private readonly log: PinoLogger,
    readiness: Readiness,
  ) {
    log.setContext('Definitions');
    readiness.add('radios', () => this.loaded || 'the radios and access points have not been read yet');
  }

  onApplicationBootstrap(): void {
    this.subscriptions.push(
      this.bus.serve(wifiCalls.reload, undefined, async () => {
        await this.reload();
        return {};
      }),
      this.bus.onReconnect(() => this.reloadInTime()),
    );
    this.reloadInTime();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retry);
    for (const subscription of this.subscriptions) subscription.stop();
    await this.turn;
  }

  /** Resolves when what the store holds now is in force. */
  async reload(): Promise<void> {
    const reading = this.turn.then(() => this.read());
    this.turn = reading.catch(() => undefined);
    try {
      await reading;
    } catch (thrown) {
      const error = V3Error.from(storeError(thrown));
      this.log.warn(
        { error: error.message },
        'radios and access points could not be read; will be tried again',
      );
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
    const radios = await this.radioRows.all();
    const accessPoints = await this.accessPointRows.allConfigs();
    const snrs = await this.radioRows.snrs();
    for (const { a, b } of this.snrs) this.air.setSnr(a, b, undefined);
    for (const { a, b, snr } of snrs) this.air.setSnr(a, b, snr);
    this.snrs = snrs;
    this.radios.converge(radios);
    this.accessPoints.converge(accessPoints);
    if (!this.loaded) await this.hostVm.open();
    this.loaded = true;
  }
}
