import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import {
  accessPointId,
  frequencyChannel,
  type AccessPointStatus,
  type AssociatedStation,
  type RadioStatus,
  type StationStatus,
  type WifiCounters,
  type WifiEvent,
  type WifiLink,
} from '@v3vee/contracts';
import { Air, systemClock, type AntennaAccount, type HostRadio, type StationInfo } from '@v3vee/wifi';
import { AccessPoints, type RunningAccessPoint } from '../access-points/access-points';
import { Events } from '../events';
import { Names } from '../names';
import { Radios } from '../radios/radios';
import { AirtimeShares } from './airtime-shares';

/** All that is to be seen of radios, stations, access points and the air, as the contract has it. */
@Injectable()
export class StatusReport implements BeforeApplicationShutdown {
  private readonly shares = new AirtimeShares(() => this.airtimes(), systemClock.now);
  private readonly stopSampling = this.shares.start();

  constructor(
    private readonly air: Air,
    private readonly radios: Radios,
    private readonly accessPoints: AccessPoints,
    private readonly names: Names,
    private readonly events: Events,
  ) {}

  beforeApplicationShutdown(): void {
    this.stopSampling();
  }

  read(): {
    radios: RadioStatus[];
    stations: StationStatus[];
    accessPoints: AccessPointStatus[];
    links: WifiLink[];
    events: WifiEvent[];
  } {
    return {
      radios: this.radios.all().map(({ radio }) => this.radio(radio)),
      stations: this.stations(),
      accessPoints: this.accessPoints.all().map(each => this.accessPoint(each)),
      links: this.links(),
      events: [...this.events.list()],
    };
  }

  private radio(radio: HostRadio): RadioStatus {
    const { id } = radio;
    const { tuned, schedule, switches } = radio.status();
    const stations = radio.stations();
    const dropped: Record<string, number> = {};
    for (const { drops } of [...radio.vms(), ...stations]) {
      for (const [reason, count] of Object.entries(drops)) dropped[reason] = (dropped[reason] ?? 0) + count;
    }
    const account = this.air.account(id);
    return {
      id,
      tuned: tuned.map(channelOf),
      schedule: schedule.map(({ freq, ...slot }) => ({ channel: channelOf(freq), ...slot })),
      switches,
      buffered: stations.reduce((sum, { queued }) => sum + queued, 0),
      counters: counters(account, dropped),
      airtime: this.shares.use(id, account?.airtime ?? 0),
      bss: radio.bss().map(({ bssid, ssid, channel, freq, signal, interval, privacy, age }) => ({
        ...{ bssid, ssid, channel, freq, signal },
        beaconInterval: Math.round(interval / TU_MS),
        security: privacy ? ('wpa2-psk' as const) : ('open' as const),
        seenMs: Math.max(0, age),
        accessPoint: this.names.bss(bssid),
      })),
    };
  }

  /** Of all NICs that are attached, whether their interface is up or not. */
  private stations(): StationStatus[] {
    const seen = new Map(
      this.radios.all().flatMap(({ radio }) => radio.stations().map(each => [each.address, each] as const)),
    );
    return this.radios.attachments().flatMap(({ vmId, host, nics }) =>
      nics.map(({ index, radio, address }): StationStatus => {
        const at = { vmId, index, radio: `${host}/${radio}`, address };
        const station = seen.get(address);
        if (!station) return { ...at, ...DOWN };
        return {
          ...at,
          state: STATES[station.state],
          power: station.powerSave ? 'SAVING' : 'ACTIVE',
          ssid: station.ssid ?? null,
          bssid: station.bssid ?? null,
          accessPoint: station.bssid === undefined ? null : this.names.bss(station.bssid),
          channel: station.freq === undefined ? null : channelOf(station.freq),
          signal: station.signal ?? null,
          transmitRate: mbit(station.txRate),
          receiveRate: mbit(station.rxRate),
          associatedAt: atOf(station.since),
          counters: {
            transmitFrames: station.txFrames,
            transmitBytes: station.txBytes,
            retries: station.txRetries,
            failed: station.txFailed,
            receiveFrames: station.rxFrames,
            receiveBytes: station.rxBytes,
            dropped: { ...station.drops },
          },
          airtime: this.shares.use(address, station.airtime),
        };
      }),
    );
  }

  private accessPoint({ config, accessPoint }: RunningAccessPoint): AccessPointStatus {
    const account = this.air.account(accessPoint.id);
    return {
      name: config.name,
      state: 'UP',
      reason: `on channel ${config.channel}`,
      stations: accessPoint.stations().map(each => this.associated(each)),
      counters: counters(account, accessPoint.counters.dropped),
      airtime: this.shares.use(accessPoint.id, account?.airtime ?? 0),
    };
  }

  private associated(station: StationInfo): AssociatedStation {
    return {
      address: station.mac,
      nic: this.names.nic(station.mac),
      state: AP_STATES[station.state],
      power: station.powerSave ? 'SAVING' : 'ACTIVE',
      buffered: station.buffered,
      signal: station.signal,
      transmitRate: mbit(station.txRate),
      receiveRate: mbit(station.rxRate),
      associatedAt: atOf(station.since),
      counters: {
        transmitFrames: station.txFrames,
        transmitBytes: station.txBytes,
        retries: station.txRetries,
        failed: station.txFailed,
        receiveFrames: station.rxFrames,
        receiveBytes: station.rxBytes,
        dropped: { 'queue-full': station.txDropped },
      },
    };
  }

  /** Between each radio and each access point or other radio, both ways. */
  private links(): WifiLink[] {
    const freqs = new Map(
      this.accessPoints
        .all()
        .map(({ config, accessPoint }) => [accessPointId(config.name), accessPoint.freq]),
    );
    const ids = this.air.antennas;
    return ids.flatMap(from =>
      ids.flatMap((to): WifiLink[] => {
        // Nobody asks how well access points hear one another.
        if (from === to || (freqs.has(from) && freqs.has(to))) return [];
        const freq = freqs.get(from) ?? freqs.get(to) ?? FIRST_CHANNEL;
        const signal = this.air.signal(from, to, freq);
        if (signal === undefined) return [];
        const [here, there] = [this.air.position(from), this.air.position(to)];
        const distance = here && there ? Math.hypot(here[0] - there[0], here[1] - there[1]) : null;
        const fixed = this.air.fixedSnr(from, to) !== undefined;
        return [{ from, to, distance, snr: signal - this.air.noiseFloor, signal, fixed }];
      }),
    );
  }

  private airtimes(): Map<string, number> {
    const totals = new Map(this.air.antennas.map(id => [id, this.air.account(id)?.airtime ?? 0]));
    for (const { radio } of this.radios.all()) {
      for (const { address, airtime } of radio.stations()) totals.set(address, airtime);
    }
    return totals;
  }
}

const TU_MS = 1.024;
/** MHz: where nothing else says which. */
const FIRST_CHANNEL = 2412;
const STATES: Record<ReturnType<HostRadio['stations']>[number]['state'], StationStatus['state']> = {
  idle: 'UP',
  scanning: 'UP',
  authenticating: 'UP',
  authenticated: 'AUTHENTICATED',
  associated: 'ASSOCIATED',
  ap: 'ACCESS_POINT',
};
const AP_STATES: Record<StationInfo['state'], AssociatedStation['state']> = {
  authenticated: 'AUTHENTICATED',
  associated: 'ASSOCIATED',
  authorized: 'AUTHORIZED',
};
const NOTHING: WifiCounters = {
  transmitFrames: 0,
  transmitBytes: 0,
  retries: 0,
  failed: 0,
  receiveFrames: 0,
  receiveBytes: 0,
  dropped: {},
};
const DOWN: Omit<StationStatus, 'vmId' | 'index' | 'radio' | 'address'> = {
  state: 'DOWN',
  power: 'ACTIVE',
  ssid: null,
  bssid: null,
  accessPoint: null,
  channel: null,
  signal: null,
  transmitRate: null,
  receiveRate: null,
  associatedAt: null,
  counters: NOTHING,
  airtime: { airtimeUs: 0, share: 0 },
};

const channelOf = (freq: number): number => frequencyChannel(freq) ?? 0;
/** From 100 kbit/s. */
const mbit = (rate: number | undefined): number | null => (rate ? rate / 10 : null);
/** From the clock's ms. */
const atOf = (since: number | undefined): string | null =>
  since === undefined ? null : new Date(Date.now() - (systemClock.now() - since)).toISOString();

function counters(account: AntennaAccount | undefined, dropped: Record<string, number>): WifiCounters {
  if (!account) return { ...NOTHING, dropped: { ...dropped } };
  const { frames, bytes, retries, failed, received, receivedBytes } = account;
  return {
    transmitFrames: frames,
    transmitBytes: bytes,
    ...{ retries, failed, receiveFrames: received, receiveBytes: receivedBytes },
    dropped: { ...dropped },
  };
}
