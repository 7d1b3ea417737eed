import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { RouterService } from './router.service';

/** Shows the router's own counters at `/metrics`; they are read when asked for, not kept twice. */
@Injectable()
export class RouterMetrics {
  constructor(registry: Registry, service: RouterService) {
    const { router } = service;
    const { counters, table } = router;
    const { whereabouts } = table;
    const registers = [registry];
    const counter = (name: string, help: string, read: () => number) =>
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    counter('v3_vnet_router_misses_total', 'Frames that hosts had no route for', () => counters.misses);
    counter(
      'v3_vnet_router_frames_forwarded_total',
      'Frames sent on, once for each host',
      () => counters.forwarded,
    );
    counter('v3_vnet_router_queries_total', 'Routes asked for without a frame', () => counters.queries);
    counter(
      'v3_vnet_router_announcements_total',
      'Lists of NICs announced by hosts',
      () => counters.announcements,
    );
    gauge('v3_vnet_attachments', 'NICs attached to the overlay', () => whereabouts.attached);
    gauge(
      'v3_vnet_attachments_stale',
      'Attached NICs whose address another host holds',
      () => whereabouts.stale,
    );
    gauge(
      'v3_vnet_router_waiting',
      'Frames and queries that wait for a NIC to be announced',
      () => router.waiting,
    );
    gauge('v3_vnet_routes', 'Routes that users added', () => table.rules.length);
    new Counter({
      name: 'v3_vnet_router_dropped_total',
      help: 'Frames dropped by the router',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset();
        for (const [reason, count] of Object.entries(counters.dropped)) this.inc({ reason }, count);
      },
    });
  }
}
