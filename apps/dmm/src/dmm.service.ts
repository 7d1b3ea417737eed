import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { dmmCalls, dmmHello, palaciosHeartbeat, palaciosVpioCalls, V3Error } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { HostRepository } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import { Cards } from './cards/cards';
import { SharingService } from './cards/sharing.service';
import { DmmMetrics } from './dmm.metrics';
import { ExitsService } from './exits/exits.service';
import { HostSync } from './hosts/host-sync';
import { PoliciesService } from './policies/policies.service';

/** A host may wait a second for guests that stand still; at the start all cards wait for the last answer. */
const INVENTORY_MS = 2_500;

/** The device modeling monitor on the bus. */
@Injectable()
export class DmmService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly incarnation = randomUUID();
  private readonly subscriptions: Stoppable[] = [];
  private readonly sync: HostSync;
  private isOpen = false;

  constructor(
    private readonly bus: Bus,
    private readonly cards: Cards,
    private readonly exits: ExitsService,
    private readonly sharing: SharingService,
    private readonly policies: PoliciesService,
    private readonly hosts: HostRepository,
    private readonly log: PinoLogger,
    readiness: Readiness,
    metrics: DmmMetrics,
  ) {
    log.setContext('Dmm');
    this.sync = new HostSync({
      cards,
      inventory: async host => {
        const options = { timeoutMs: INVENTORY_MS };
        return (await bus.call(palaciosVpioCalls.inventory, host, {}, options)).devices;
      },
      onSynced: host => {
        sharing.lookAtAll();
        // A wish that we heard of from others only: its guest waits until it is made again.
        if (cards.ofHost(host).some(({ arbiter }) => arbiter.hasHearsay)) this.greet();
      },
      onRestart: host => {
        log.info({ host }, 'the host was started anew');
        sharing.forgetHost(host);
        // What its new Palacios wished before we knew of it is forgotten too.
        this.greet();
      },
      onFailure: (host, thrown) =>
        log.debug({ host, error: V3Error.from(thrown).message }, 'the host does not say who has its cards'),
    });
    sharing.onDoubt = host => void this.sync.doubt(host);
    readiness.add('dmm', () => this.isOpen || 'the hosts have not been asked yet who has their cards');
    metrics.devices = () => cards.all().map(({ name }) => name);
    metrics.gauge('waiting', 'Guests that wait for a card', ['device'], gauge => {
      for (const { name, arbiter } of cards.all()) gauge.set({ device: name }, arbiter.waiting(0).length);
    });
    metrics.total('stale_epochs_total', 'Requests of hosts that had the guest no more', () => cards.stale);
  }

  async onApplicationBootstrap(): Promise<void> {
    const { bus, policies } = this;
    // Without them the defaults are in force: better than guests that stand still. It is not ready then.
    await policies.reload().catch(() => undefined);
    this.serve();
    // Who answers the greeting must find the subscriptions in place.
    await bus.flush();
    this.greet();
    void this.open();
  }

  beforeApplicationShutdown(): void {
    for (const subscription of this.subscriptions) subscription.stop();
  }

  private serve(): void {
    const { bus, exits, sharing, policies, sync } = this;
    this.subscriptions.push(
      bus.serve(dmmCalls.acquire, '*', (request, host) => sharing.acquire({ ...request, host })),
      bus.serve(dmmCalls.exit, '*', (request, host) => exits.exit({ ...request, host })),
      bus.serve(dmmCalls.violation, '*', (request, host) => exits.violation({ ...request, host })),
      bus.serve(dmmCalls.release, '*', (request, host) => {
        sharing.release({ ...request, host });
        return {};
      }),
      bus.serve(dmmCalls.reload, undefined, async () => {
        await policies.reload();
        return {};
      }),
      bus.serve(dmmCalls.hooks, undefined, request => ({ hooks: sharing.hooks(request) })),
      bus.listen(palaciosHeartbeat, '*', ({ incarnation }, host) => sync.heard(host, incarnation)),
      // Wishes and heartbeats were lost meanwhile, and maybe that policies changed.
      bus.onReconnect(() => {
        this.greet();
        sync.doubtAll();
        policies.reloadInTime();
      }),
    );
  }

  /** Before any card is switched, we learn who has it and who waits how long. */
  private async open(): Promise<void> {
    const names = await this.hosts.all().then(
      hosts => hosts.map(({ name }) => name),
      // Their heartbeats tell us.
      (): string[] => [],
    );
    await Promise.all(names.map(name => this.sync.doubt(name)));
    this.sharing.open();
    this.isOpen = true;
  }

  private greet(): void {
    this.bus.announce(dmmHello, undefined, { incarnation: this.incarnation });
  }
}
