import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { Bus, decodeFrameBatch, FrameSender, type Stoppable } from '@v3vee/bus';
import { rawSubjects, vnetCalls, vnetHello, vnetInvalidate, vnetQuery, vnetRoute } from '@v3vee/contracts';
import { Router } from '@v3vee/overlay';
import { Config, Readiness } from '@v3vee/service';
import { randomUUID } from 'node:crypto';
import type { VnetConfig } from './config';

/** How often waiting frames are looked at, ms; well below the time that they wait. */
const EXPIRY_INTERVAL_MS = 100;
/** Routes of one invalidation message, well below NATS's limit of 1 MiB. */
const ROUTES_PER_MESSAGE = 5_000;

/** The overlay's router on the bus. */
@Injectable()
export class RouterService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly router: Router;
  private readonly incarnation = randomUUID();
  private readonly sender: FrameSender;
  private readonly subscriptions: Stoppable[] = [];
  private timer: NodeJS.Timeout | undefined;
  private greeted = false;

  constructor(
    @Config() config: VnetConfig,
    private readonly bus: Bus,
    readiness: Readiness,
  ) {
    this.sender = new FrameSender(bus);
    this.router = new Router(this.sink(), { holdMs: config.V3_VNET_HOLD_MS });
    readiness.add('router', () => this.greeted || 'the hosts have not been greeted yet');
  }

  async onApplicationBootstrap(): Promise<void> {
    const { bus, router } = this;
    this.subscriptions.push(
      bus.serve(vnetCalls.attach, undefined, ({ host, nics }) => {
        router.attach(host, nics);
        return { incarnation: this.incarnation };
      }),
      bus.serve(vnetCalls.routes, undefined, () => ({
        routes: router.table.routes(),
        counters: this.counters(),
      })),
      bus.listen(vnetQuery, '*', ({ routes }, host) => router.query(host, routes)),
      bus.subscribeRaw(rawSubjects.framesToRouter('*'), (bytes, subject) => {
        const host = subject.slice(subject.lastIndexOf('.') + 1);
        router.forward(host, decodeFrameBatch(bytes));
      }),
      // Announcements and queries were lost meanwhile: have all hosts make them again.
      bus.onReconnect(() => this.greet()),
    );
    this.timer = setInterval(() => router.expire(), EXPIRY_INTERVAL_MS);
    // Who answers the greeting must find the subscriptions in place.
    await bus.flush();
    this.greet();
    this.greeted = true;
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    for (const subscription of this.subscriptions) subscription.stop();
    this.sender.flush();
  }

  private greet(): void {
    this.bus.announce(vnetHello, undefined, { incarnation: this.incarnation });
  }

  private sink(): ConstructorParameters<typeof Router>[0] {
    const { bus, sender, incarnation } = this;
    return {
      toHost: (host, frame) => sender.send(rawSubjects.framesTo(host), frame),
      route: (host, route) => {
        // Frames that the host sends by this route must not overtake those that went through here.
        sender.flush();
        bus.announce(vnetRoute, host, { ...route, incarnation });
      },
      invalidate: routes => {
        for (let at = 0; at < routes.length; at += ROUTES_PER_MESSAGE) {
          const part = routes.slice(at, at + ROUTES_PER_MESSAGE);
          bus.announce(vnetInvalidate, undefined, { incarnation, routes: part });
        }
      },
    };
  }

  private counters(): Record<string, number> {
    const { counters, table, waiting } = this.router;
    const { dropped, ...rest } = counters;
    const drops = Object.entries(dropped).map(([reason, count]) => [`dropped.${reason}`, count]);
    return {
      ...rest,
      ...Object.fromEntries(drops),
      attached: table.attached,
      stale: table.stale,
      waiting,
    };
  }
}
