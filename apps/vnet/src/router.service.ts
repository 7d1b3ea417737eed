import { BeforeApplicationShutdown, Inject, Injectable, Optional } from '@nestjs/common';
import { Bus, decodeFrameBatch, FrameSender, type Stoppable } from '@v3vee/bus';
import {
  palaciosHeartbeat,
  rawSubjects,
  vnetCalls,
  vnetHello,
  vnetInvalidate,
  vnetQuery,
  vnetRouteFound,
} from '@v3vee/contracts';
import { flattened, LoopGuard, OverlayNode, Router } from '@v3vee/overlay';
import { Config, Readiness } from '@v3vee/service';
import { PinoLogger } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import type { VnetConfig } from './config';
import { HostWatch } from './hosts/host-watch';
import { LINK_RUNNER, type LinkRunner } from './policy/link-runner';

/** How often waiting frames and silent hosts are looked at, ms; well below the time that they wait. */
const INTERVAL_MS = 100;
/** Palacios says each second that it lives; after this time without a word it is taken for lost, as by the gateway. */
const SILENT_MS = 3_500;
/** Flows of one invalidation message, well below NATS's limit of 1 MiB. */
const FLOWS_PER_MESSAGE = 5_000;

/** The overlay's router on the bus. */
@Injectable()
export class RouterService implements BeforeApplicationShutdown {
  readonly router: Router;
  private readonly incarnation = randomUUID();
  private readonly sender: FrameSender;
  private readonly watch: HostWatch;
  private readonly subscriptions: Stoppable[] = [];
  private timer: NodeJS.Timeout | undefined;
  private opening: Promise<void> | undefined;
  private greeted = false;

  constructor(
    @Config() config: VnetConfig,
    private readonly bus: Bus,
    loopGuard: LoopGuard,
    readiness: Readiness,
    log: PinoLogger,
    private readonly links: OverlayNode,
    @Optional() @Inject(LINK_RUNNER) private readonly runner?: LinkRunner,
  ) {
    log.setContext('Router');
    this.sender = new FrameSender(bus);
    this.router = new Router(this.sink(), { holdMs: config.V3_VNET_HOLD_MS, loopGuard });
    this.watch = new HostWatch({
      silentMs: SILENT_MS,
      intervalMs: INTERVAL_MS,
      attach: (host, nics, edges) => this.router.attach(host, nics, edges),
      onChange: (host, change) =>
        change === 'lost'
          ? log.warn({ host }, 'the host is silent: its NICs are withdrawn')
          : log.info({ host }, 'the host is heard again'),
    });
    readiness.add('router', () => this.greeted || 'the hosts have not been greeted yet');
  }

  /** Begins to serve, now that there is a policy. */
  open(): Promise<void> {
    return (this.opening ??= this.serve());
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
    for (const subscription of this.subscriptions) subscription.stop();
    this.sender.flush();
  }

  private async serve(): Promise<void> {
    const { bus, router, watch } = this;
    this.subscriptions.push(
      bus.serve(vnetCalls.attach, '*', ({ nics, edges }, host) => {
        watch.announced(host, nics, edges);
        return { incarnation: this.incarnation };
      }),
      bus.serve(vnetCalls.status, undefined, () => this.status()),
      bus.listen(palaciosHeartbeat, '*', ({ incarnation }, host) => watch.heard(host, incarnation)),
      bus.listen(vnetQuery, '*', ({ flows }, host) => router.query(host, flows)),
      bus.subscribeRaw(rawSubjects.framesToRouter('*'), (bytes, subject) => {
        const host = subject.slice(subject.lastIndexOf('.') + 1);
        router.forward(host, decodeFrameBatch(bytes));
      }),
      // Announcements and queries were lost meanwhile: have all hosts make them again.
      bus.onReconnect(() => this.greet()),
    );
    this.timer = setInterval(() => {
      router.expire();
      watch.check(!bus.connected);
    }, INTERVAL_MS);
    // Who answers the greeting must find the subscriptions in place.
    await bus.flush();
    this.greet();
    this.greeted = true;
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
        bus.announce(vnetRouteFound, host, { ...route, incarnation });
      },
      invalidate: flows => {
        for (let at = 0; at < flows.length; at += FLOWS_PER_MESSAGE) {
          bus.announce(vnetInvalidate, undefined, {
            incarnation,
            flows: flows.slice(at, at + FLOWS_PER_MESSAGE),
          });
        }
      },
    };
  }

  private status() {
    const { table, counters, waiting } = this.router;
    const { attached, stale } = table.whereabouts;
    return {
      automatic: [...table.whereabouts.all()].map(({ vni, mac, host, place }) => ({
        vni,
        mac,
        host,
        to: place,
      })),
      router: { ...flattened(counters), attached, stale, waiting, rules: table.rules.length },
      core: this.links.stats(),
      links: this.runner?.statuses() ?? [],
    };
  }
}
