import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { HostVm } from '../host-vm.service';
import { Radios } from '../radios/radios';
import { StatusReport } from './status-report';

/** Shows radios, stations and access points at `/metrics`; they are read when asked for, not kept twice. */
@Injectable()
export class WifiMetrics {
  constructor(registry: Registry, report: StatusReport, radios: Radios, hostVm: HostVm) {
    const registers = [registry];
    const antennas = () => {
      const { radios, accessPoints } = report.read();
      return [...radios, ...accessPoints.map(({ name, ...rest }) => ({ id: `ap/${name}`, ...rest }))];
    };
    new Counter({
      name: 'v3_wifi_airtime_seconds_total',
      help: 'Time that an antenna took of the medium, acknowledgements and gaps included',
      labelNames: ['antenna'],
      registers,
      collect() {
        this.reset();
        for (const { id, airtime } of antennas()) this.inc({ antenna: id }, airtime.airtimeUs / 1e6);
      },
    });
    new Counter({
      name: 'v3_wifi_frames_total',
      help: '802.11 frames of an antenna',
      labelNames: ['antenna', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const { id, counters } of antennas()) {
          this.inc({ antenna: id, direction: 'receive' }, counters.receiveFrames);
          this.inc({ antenna: id, direction: 'transmit' }, counters.transmitFrames);
        }
      },
    });
    new Counter({
      name: 'v3_wifi_bytes_total',
      help: 'Bytes of these frames, without FCS',
      labelNames: ['antenna', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const { id, counters } of antennas()) {
          this.inc({ antenna: id, direction: 'receive' }, counters.receiveBytes);
          this.inc({ antenna: id, direction: 'transmit' }, counters.transmitBytes);
        }
      },
    });
    new Counter({
      name: 'v3_wifi_retries_total',
      help: 'Attempts beyond the first',
      labelNames: ['antenna'],
      registers,
      collect() {
        this.reset();
        for (const { id, counters } of antennas()) this.inc({ antenna: id }, counters.retries);
      },
    });
    new Counter({
      name: 'v3_wifi_dropped_total',
      help: 'Frames that an antenna did not send or let through; spoofed: under an address of another',
      labelNames: ['antenna', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const { id, counters } of antennas()) {
          for (const [reason, count] of Object.entries(counters.dropped))
            this.inc({ antenna: id, reason }, count);
        }
      },
    });
    new Counter({
      name: 'v3_wifi_channel_switches_total',
      help: 'How often a radio went to another channel',
      labelNames: ['antenna'],
      registers,
      collect() {
        this.reset();
        for (const { id, switches } of report.read().radios) this.inc({ antenna: id }, switches);
      },
    });
    new Counter({
      name: 'v3_wifi_station_airtime_seconds_total',
      help: 'Time that a vMAC took of the medium',
      labelNames: ['address'],
      registers,
      collect() {
        this.reset();
        for (const { address, airtime } of report.read().stations)
          this.inc({ address }, airtime.airtimeUs / 1e6);
      },
    });
    new Gauge({
      name: 'v3_wifi_station_signal_dbm',
      help: 'Of the latest beacon that a vMAC heard of its access point',
      labelNames: ['address'],
      registers,
      collect() {
        this.reset();
        for (const { address, signal } of report.read().stations)
          if (signal !== null) this.set({ address }, signal);
      },
    });
    new Counter({
      name: 'v3_wifi_stale_total',
      help: 'Messages of drivers that came from a host or an epoch that is not the VM’s',
      registers,
      collect() {
        this.reset();
        this.inc(radios.stale);
      },
    });
    new Counter({
      name: 'v3_wifi_malformed_batches_total',
      help: 'Messages of hosts that were no batch',
      registers,
      collect() {
        this.reset();
        this.inc(hostVm.malformed);
      },
    });
    new Gauge({
      name: 'v3_wifi_stations',
      help: 'Stations at an access point, by state',
      labelNames: ['access_point', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { name, stations } of report.read().accessPoints) {
          for (const state of ['AUTHENTICATED', 'ASSOCIATED', 'AUTHORIZED'] as const) {
            this.set({ access_point: name, state }, stations.filter(each => each.state === state).length);
          }
        }
      },
    });
  }
}
