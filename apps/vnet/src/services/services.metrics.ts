import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { NetworkServices } from './network-services';

/** Shows what the networks' DHCP and DNS services counted at `/metrics`, since each was attached. */
@Injectable()
export class ServicesMetrics {
  constructor(registry: Registry, services: NetworkServices) {
    new Counter({
      name: 'v3_vnet_service_frames_total',
      help: 'Frames of the DHCP and DNS service of a network, by what became of them',
      labelNames: ['network', 'kind'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { spec, appliance } of services.all()) {
          for (const [kind, count] of Object.entries(appliance.counters)) {
            this.inc({ network: spec.name, kind }, count);
          }
        }
      },
    });
  }
}
