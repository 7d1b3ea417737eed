import { Injectable } from '@nestjs/common';
import { V3Error, accessPointId, type AccessPointConfig } from '@v3vee/contracts';
import { OverlayNode } from '@v3vee/overlay';
import { AccessPoint, Air, systemClock, type AccessPointEvent } from '@v3vee/wifi';
import { PinoLogger } from 'nestjs-pino';
import { Events } from '../events';
import { Names } from '../names';
import { Bridge } from './bridge';

/** One that is on the air. */
export interface RunningAccessPoint {
  config: AccessPointConfig;
  accessPoint: AccessPoint;
  bridge: Bridge;
}

/** The built-in access points, as the store has them. */
@Injectable()
export class AccessPoints {
  private readonly running = new Map<string, RunningAccessPoint>();

  constructor(
    private readonly air: Air,
    private readonly overlay: OverlayNode,
    private readonly names: Names,
    private readonly events: Events,
    private readonly log: PinoLogger,
  ) {
    log.setContext('AccessPoints');
  }

  all(): RunningAccessPoint[] {
    return [...this.running.values()];
  }

  /** Whoever is to be changed is started anew: its stations come back by themselves. One that only moves, moves. */
  converge(configs: readonly AccessPointConfig[]): void {
    const wanted = new Map(configs.map(config => [config.name, config]));
    for (const [name, { config }] of this.running) {
      const next = wanted.get(name);
      if (!next || !isSame(config, next)) this.stop(name);
    }
    for (const config of configs) {
      const known = this.running.get(config.name);
      if (known) known.config = config;
      else this.start(config);
      this.air.setPosition(accessPointId(config.name), config.position ?? undefined);
    }
  }

  /** @throws V3Error ACCESS_POINT_NOT_FOUND, STATION_NOT_FOUND */
  deauthenticate(name: string, address: string): void {
    const found = this.running.get(name);
    if (!found) throw new V3Error('ACCESS_POINT_NOT_FOUND', `there is no access point "${name}"`);
    if (!found.accessPoint.deauthenticate(address)) {
      throw new V3Error('STATION_NOT_FOUND', `no station ${address} is at access point ${name}`);
    }
  }

  stopAll(): void {
    for (const name of [...this.running.keys()]) this.stop(name);
  }

  private start(config: AccessPointConfig): void {
    const { name, bssid, ssid, passphrase, channel, txPower, beaconInterval, hidden, vni } = config;
    const bridge = new Bridge({
      ...{ overlay: this.overlay, bssid, vni },
      toAir: frame => accessPoint.deliver(frame),
      onRefused: (address, thrown) =>
        this.log.warn(
          { accessPoint: name, address, error: V3Error.from(thrown).message },
          'no way to the network',
        ),
    });
    const accessPoint = new AccessPoint({
      ...{ id: accessPointId(name), ssid, bssid, channel, passphrase: passphrase ?? undefined },
      ...{ txPower, beaconInterval, hidden, clock: systemClock, air: this.air },
      distribution: { send: frame => bridge.fromStation(frame) },
      onEvent: event => this.happened(name, event),
    });
    this.running.set(name, { config, accessPoint, bridge });
    this.names.addAccessPoint(bssid, name);
    this.air.join(accessPoint, config.position ?? undefined);
    accessPoint.start();
    bridge.start().catch(thrown => {
      this.log.error(
        { accessPoint: name, error: V3Error.from(thrown).message },
        'its BSSID is refused by the network',
      );
    });
  }

  private stop(name: string): void {
    const { accessPoint, bridge, config } = this.running.get(name) as RunningAccessPoint;
    accessPoint.stop();
    this.running.delete(name);
    this.air.leave(accessPoint);
    this.names.removeAccessPoint(config.bssid);
    bridge.stop();
  }

  private happened(name: string, event: AccessPointEvent): void {
    this.events.add(name, event);
    const bridge = this.running.get(name)?.bridge;
    if (event.kind === 'authorized') {
      this.leaveOthers(name, event.station);
      bridge?.join(event.station);
    } else if (event.kind === 'left') bridge?.leave(event.station);
  }

  /** What the distribution system does for a station that has roamed (IEEE 802.11-2020, 4.5.3.4): it is at one only. */
  private leaveOthers(name: string, station: string): void {
    for (const [other, { accessPoint, bridge }] of this.running) {
      if (other === name) continue;
      accessPoint.forget(station);
      bridge.leave(station);
    }
  }
}

/** Whether the one can go on as the other. */
function isSame(one: AccessPointConfig, other: AccessPointConfig): boolean {
  const rest = ({ position: _, network: __, ...kept }: AccessPointConfig) =>
    JSON.stringify(kept, Object.keys(kept).sort());
  return rest(one) === rest(other);
}
