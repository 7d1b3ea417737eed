import { randomUUID } from 'node:crypto';
import type { Bus, Stoppable } from '@v3vee/bus';
import {
  V3Error,
  wifiCalls,
  type AccessPointConfig,
  type FixedSnr,
  type RadioConfig,
} from '@v3vee/contracts';
import { AccessPointRepository, RadioRepository } from '@v3vee/store';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';

type Status = z.input<typeof wifiCalls.status.response>;

const none = {
  counters: {
    ...{ transmitFrames: 0, transmitBytes: 0, retries: 0, failed: 0, receiveFrames: 0, receiveBytes: 0 },
    dropped: {},
  },
  airtime: { airtimeUs: 0, share: 0 },
};

/** The wifi service at the protocol's boundary: it loads when it is told to, and says what a test wants. */
export class ScriptedWifi {
  /** As of the last reload. */
  radios: RadioConfig[] = [];
  accessPoints: AccessPointConfig[] = [];
  snrs: FixedSnr[] = [];
  reloads = 0;
  stations: Status['stations'] = [];
  bss: Record<string, Status['radios'][number]['bss']> = {};
  links: Status['links'] = [];
  events: Status['events'] = [];
  readonly thrownOff: [accessPoint: string, address: string][] = [];
  private subscriptions: Stoppable[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly dataSource: DataSource,
  ) {}

  /** When it is answered, the gateway reaches it. */
  async start(): Promise<this> {
    const radios = new RadioRepository(this.dataSource);
    const accessPoints = new AccessPointRepository(this.dataSource);
    this.subscriptions = [
      this.bus.serve(wifiCalls.reload, undefined, async () => {
        this.radios = await radios.all();
        this.accessPoints = await accessPoints.allConfigs();
        this.snrs = await radios.snrs();
        this.reloads++;
        return {};
      }),
      this.bus.serve(wifiCalls.status, undefined, () => this.status()),
      this.bus.serve(wifiCalls.deauthenticate, undefined, ({ accessPoint, address }) => {
        if (!this.stations.some(station => station.address === address))
          throw new V3Error('STATION_NOT_FOUND', `${accessPoint} has no station ${address}`);
        this.thrownOff.push([accessPoint, address]);
        return {};
      }),
    ];
    await this.bus.flush();
    return this;
  }

  stop(): Promise<void> {
    for (const subscription of this.subscriptions) subscription.stop();
    this.subscriptions = [];
    return this.bus.flush();
  }

  private status(): Status {
    const { stations, links, events } = this;
    return {
      incarnation: randomUUID(),
      radios: this.radios.map(({ id }) => ({
        ...{ id, tuned: [6], schedule: [], switches: 2, buffered: 0, bss: this.bss[id] ?? [] },
        ...none,
      })),
      stations,
      accessPoints: this.accessPoints.map(({ name }) => ({
        ...{ name, state: 'UP' as const, reason: 'on channel 6', stations: [] },
        ...none,
      })),
      links,
      events,
    };
  }
}
