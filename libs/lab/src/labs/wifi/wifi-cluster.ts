import {
  accessPointId,
  parseTopology,
  type AccessPoint,
  type RadioView,
  type Station as WifiStation,
} from '@v3vee/contracts';
import { LabCluster } from '../../cluster';
import type { LabContext } from '../../lab';
import { processStats } from '../../process-stats';
import type { Pair, Station } from '../vnet/station';
import { join, reach, startSupplicant, writeConfiguration } from './supplicant';
import {
  ACCESS_POINTS,
  address,
  SERVER,
  SHARING,
  topologyOf,
  type AccessPointName,
  type NUMBERS,
  type Stage,
} from './topology';

/** Of the servers of iperf3 on the wire, one for each VM that shares: each serves one test at a time. */
export const PORTS = SHARING.map((_, index) => 5201 + index);
const WLAN = 'wlan0';

/** All that is counted of Wi-Fi. */
export interface Counted {
  /** When, ms. */
  at: number;
  stations: readonly WifiStation[];
  accessPoints: readonly AccessPoint[];
}

/** A cluster whose radios, access points and VMs change from stage to stage. */
export class WifiCluster {
  #stage: Stage;

  private constructor(
    private readonly lab: LabCluster,
    private readonly pids: readonly number[],
    stage: Stage,
  ) {
    this.#stage = stage;
  }

  static async up(context: LabContext, stage: Stage): Promise<WifiCluster> {
    const lab = await LabCluster.up(context, topologyOf(stage));
    const processes = await Promise.all(['palacios-alpha', 'wifi'].map(name => lab.service(name)));
    const cluster = new WifiCluster(
      lab,
      processes.map(({ pid }) => pid),
      stage,
    );
    const servers = `for p in ${PORTS.join(' ')}; do iperf3 -s -D -p $p >/dev/null 2>&1; done`;
    await lab.sh('s', `cd /; ${servers}`);
    await Promise.all(stage.vms.map(name => cluster.prepare(name)));
    return cluster;
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** Makes it that. What stays as it is goes on undisturbed. */
  async become(stage: Stage): Promise<void> {
    if (topologyOf(stage) === topologyOf(this.#stage)) return;
    const { vms } = this.#stage;
    this.#stage = stage;
    await this.lab.client.apply(parseTopology(topologyOf(stage)));
    await Promise.all(stage.vms.filter(name => !vms.includes(name)).map(name => this.prepare(name)));
  }

  /** Of both processes that a station's frames pass: the one its guest runs in and the HostVM. Seconds so far. */
  async cpuSeconds(): Promise<number> {
    const stats = await Promise.all(this.pids.map(processStats));
    return stats.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }

  /** Into the network of an access point, until the server answers. */
  async join(name: keyof typeof NUMBERS, accessPoint: AccessPointName): Promise<void> {
    await this.sh(name, join(WLAN, ACCESS_POINTS[accessPoint].ssid));
    await this.reach(name);
  }

  async reach(name: string): Promise<void> {
    await this.sh(name, reach(SERVER));
  }

  sh(vm: string, command: string): Promise<string> {
    return this.lab.sh(vm, command);
  }

  /** A station and the wired server. */
  pair(name: keyof typeof NUMBERS): Pair {
    return { client: this.station(name, address(name)), server: this.station('s', SERVER) };
  }

  station(name: string, ip: string): Station {
    return {
      ...{ name, ip, mac: '' }, // the gateway draws it
      sh: command => this.sh(name, command),
      run: () => this.lab.resume(name),
      pause: () => this.lab.pause(name),
    };
  }

  async counted(): Promise<Counted> {
    const { client } = this.lab;
    const [stations, accessPoints] = await Promise.all([
      client.list('listStations'),
      client.list('listAccessPoints'),
    ]);
    return { at: performance.now(), stations, accessPoints };
  }

  /** @param snr dB between a radio and an access point; null: as it was */
  async setSnr(radio: string, accessPoint: AccessPointName, snr: number | null): Promise<void> {
    const body = { a: radio, b: accessPointId(accessPoint), snr };
    await this.lab.client.call('setWifiSnr', {}, { body });
  }

  radio(radio: string): Promise<RadioView> {
    return this.lab.client.call('getRadio', { radio });
  }

  private async prepare(name: Stage['vms'][number]): Promise<void> {
    // g has no air but its own, and is set up by whoever measures it.
    if (name !== 'g') await this.sh(name, `${writeConfiguration()}\n${startSupplicant(WLAN)}`);
  }
}
