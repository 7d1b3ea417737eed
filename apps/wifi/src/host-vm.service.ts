import { randomUUID } from 'node:crypto';
import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { Bus, decodeHwsimBatch, HwsimSender, type Stoppable } from '@v3vee/bus';
import { rawSubjects, wifiCalls, wifiHello } from '@v3vee/contracts';
import { AccessPoints } from './access-points/access-points';
import { Radios } from './radios/radios';
import { StatusReport } from './status/status-report';

/**
 * The HostVM of the paper: the driver of the physical radios, to which the VMs' drivers talk. What a guest's driver says
 * comes by NATS from its host, and so does what it is told.
 */
@Injectable()
export class HostVm implements BeforeApplicationShutdown {
  readonly incarnation = randomUUID();
  private readonly sender: HwsimSender;
  private readonly stoppables: Stoppable[] = [];
  /** Batches that were none. */
  malformed = 0;

  constructor(
    private readonly bus: Bus,
    private readonly radios: Radios,
    private readonly accessPoints: AccessPoints,
    private readonly report: StatusReport,
  ) {
    this.sender = new HwsimSender(bus);
  }

  /** Radios and access points are there: serves the hosts, and says so. */
  async open(): Promise<void> {
    const { bus } = this;
    const hello = () => bus.announce(wifiHello, undefined, { incarnation: this.incarnation });
    this.stoppables.push(
      bus.serve(wifiCalls.attach, '*', ({ context: _, ...attachment }, host) => {
        const { vmId, epoch } = attachment;
        const subject = rawSubjects.wifiToHost(host);
        this.radios.attach({ ...attachment, host }, message => {
          if (bus.connected) this.sender.send(subject, { vmId, epoch, message });
        });
        return Promise.resolve({ incarnation: this.incarnation });
      }),
      bus.serve(wifiCalls.detach, '*', ({ vmId, epoch }, host) => {
        this.radios.detach(host, vmId, epoch);
        return Promise.resolve({ context: null });
      }),
      bus.serve(wifiCalls.status, undefined, () =>
        Promise.resolve({ incarnation: this.incarnation, ...this.report.read() }),
      ),
      bus.serve(wifiCalls.deauthenticate, undefined, ({ accessPoint, address }) => {
        this.accessPoints.deauthenticate(accessPoint, address);
        return Promise.resolve({});
      }),
      bus.subscribeRaw(rawSubjects.wifiToService('*'), (bytes, subject) =>
        this.arrived(subject.slice(subject.lastIndexOf('.') + 1), bytes),
      ),
      bus.onReconnect(hello),
    );
    await bus.flush();
    hello();
  }

  beforeApplicationShutdown(): void {
    for (const each of this.stoppables) each.stop();
    this.radios.stopAll();
    this.accessPoints.stopAll();
  }

  private arrived(host: string, bytes: Uint8Array): void {
    let batch;
    try {
      batch = decodeHwsimBatch(bytes);
    } catch {
      this.malformed++;
      return;
    }
    for (const { vmId, epoch, message } of batch) this.radios.fromVm(host, vmId, epoch, message);
  }
}
