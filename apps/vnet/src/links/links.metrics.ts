import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { LinksService } from './links.service';

/** Shows the links' own counters at `/metrics`; they are read when asked for, not kept twice. */
@Injectable()
export class LinksMetrics {
  constructor(registry: Registry, service: LinksService) {
    const registers = [registry];
    const links = () => service.statuses().map(status => ({ link: service.nameOf(status.index), ...status }));
    new Gauge({
      name: 'v3_vnet_link_up',
      help: '1 when the link works',
      labelNames: ['link'],
      registers,
      collect() {
        this.reset();
        for (const { link, state } of links()) this.set({ link }, state === 'UP' ? 1 : 0);
      },
    });
    new Counter({
      name: 'v3_vnet_link_frames_total',
      help: 'Ethernet frames on the wire of a link',
      labelNames: ['link', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const { link, counters } of links()) {
          this.inc({ link, direction: 'receive' }, counters.receivePackets);
          this.inc({ link, direction: 'transmit' }, counters.transmitPackets);
        }
      },
    });
    new Counter({
      name: 'v3_vnet_link_bytes_total',
      help: 'Bytes of these frames',
      labelNames: ['link', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const { link, counters } of links()) {
          this.inc({ link, direction: 'receive' }, counters.receiveBytes);
          this.inc({ link, direction: 'transmit' }, counters.transmitBytes);
        }
      },
    });
    new Counter({
      name: 'v3_vnet_link_dropped_total',
      help: 'Frames that did not pass a link; unknown-peer counts for all links of one local address',
      labelNames: ['link', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const { link, counters } of links()) {
          for (const [reason, count] of Object.entries(counters.dropped)) this.inc({ link, reason }, count);
        }
      },
    });
  }
}
