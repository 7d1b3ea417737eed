import {
  frameTypes,
  Ieee80211Frame,
  isGroupMac,
  managementSubtypes,
  psPollAid,
  reasonCodes,
  WireError,
} from '@v3vee/wire';
import { type Antenna, type Reception } from '../antenna';
import { Beacons } from './beacons';
import { Bss } from './bss';
import { type AccessPointCounters } from './counters';
import { Downlink } from './downlink';
import { GroupRenewal } from './group-renewal';
import { Membership } from './membership';
import { checkedOptions, type AccessPointOptions } from './options';
import { Presence } from './presence';
import { type Station, type StationInfo } from './station';
import { Uplink } from './uplink';

/**
 * A built-in access point: one BSS, open or WPA2-PSK with CCMP, legacy rates, bridged into a wired network.
 * Several BSSs at one place are several access points: each is an antenna of its own, and contends as such.
 * Not there: 802.11n and later, WMM (QoS data is received, and never sent), protected management frames (802.11w).
 */
export class AccessPoint implements Antenna {
  readonly id: string;
  readonly txPower: number;
  readonly #bss: Bss;
  readonly #downlink: Downlink;
  readonly #uplink: Uplink;
  readonly #membership: Membership;
  readonly #beacons: Beacons;
  readonly #presence: Presence;
  readonly #renewal: GroupRenewal | undefined;
  #isRunning = false;

  /** @throws V3Error INVALID_REQUEST naming the option */
  constructor(options: AccessPointOptions) {
    this.id = options.id;
    this.txPower = options.txPower;
    this.#bss = new Bss(checkedOptions(options));
    const { security } = this.#bss;
    this.#downlink = new Downlink(this.#bss, this);
    this.#renewal = security && new GroupRenewal(this.#bss, security);
    this.#membership = new Membership(this.#bss, this.#downlink, this.#renewal);
    this.#uplink = new Uplink(this.#bss, this.#downlink);
    this.#beacons = new Beacons(this.#bss, this.#downlink);
    this.#presence = new Presence(this.#bss, this.#downlink, this.#membership);
  }

  get freq(): number | undefined {
    return this.#isRunning ? this.#bss.settings.freq : undefined;
  }

  get bssid(): string {
    return this.#bss.bssid;
  }

  get counters(): AccessPointCounters {
    return this.#bss.counters;
  }

  acknowledges(address: string): boolean {
    return this.#isRunning && address === this.#bss.bssid;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#beacons.start();
    this.#presence.start();
    this.#renewal?.start();
  }

  /** Sends all stations away. */
  stop(): void {
    if (!this.#isRunning) return;
    this.#beacons.stop();
    this.#presence.stop();
    for (const station of [...this.#bss.stations.values()]) {
      this.#membership.deauthenticate(station, reasonCodes.LEAVING);
    }
    this.#renewal?.stop();
    this.#downlink.group.clear();
    this.#isRunning = false;
  }

  receive({ frame: bytes, freq, signal, rate }: Reception): void {
    if (freq !== this.freq) return;
    this.#guarded(() => {
      const frame = Ieee80211Frame.read(bytes);
      const isOurs = frame.receiver === this.#bss.bssid || (frame.isProbeRequest && frame.isGroupAddressed);
      const { transmitter } = frame;
      if (!isOurs || !transmitter || transmitter === this.#bss.bssid || isGroupMac(frame.addr2)) return;
      const station = this.#bss.stations.get(transmitter);
      station?.heard(this.#bss.settings.clock.now(), signal, rate);
      this.#dispatch(frame, station);
      // It may just have become one.
      if (!station) this.#bss.stations.get(transmitter)?.heard(this.#bss.settings.clock.now(), signal, rate);
    });
  }

  /** An Ethernet frame of the wired side, for one station or for all; it is copied. */
  deliver(frame: Uint8Array): void {
    if (this.#isRunning) this.#guarded(() => this.#uplink.deliver(frame));
  }

  stations(): StationInfo[] {
    const now = this.#bss.settings.clock.now();
    return [...this.#bss.stations.values()].map(station => station.info(now));
  }

  /**
   * Sends a station away; it may come back at once.
   * @param mac lower case with colons
   * @returns whether it was there
   */
  deauthenticate(mac: string, reason: number = reasonCodes.PREVIOUS_AUTHENTICATION_INVALID): boolean {
    const station = this.#bss.stations.get(mac);
    if (station) this.#membership.deauthenticate(station, reason);
    return station !== undefined;
  }

  /** Of a station that is known to be at another access point now: it is not told. */
  forget(mac: string): void {
    const station = this.#bss.stations.get(mac);
    if (station) this.#membership.forget(station);
  }

  /** Gives all stations a new group key, now. */
  renewGroupKey(): void {
    this.#renewal?.begin();
  }

  #dispatch(frame: Ieee80211Frame, station: Station | undefined): void {
    if (station?.duplicates.isDuplicate(frame)) return this.#bss.drop('duplicate');
    if (frame.isManagement) {
      if (frame.subtype === managementSubtypes.ACTION && station) this.#observePowerState(frame, station);
      return this.#membership.receive(frame, station);
    }
    if (frame.type !== frameTypes.DATA && !frame.isPsPoll) return undefined;
    if (!station?.isAssociated) return this.#membership.rebuke(frame, station);
    if (frame.isPsPoll) {
      return psPollAid(frame.duration) === station.aid ? this.#downlink.poll(station) : undefined;
    }
    this.#observePowerState(frame, station);
    return this.#uplink.receive(frame, station);
  }

  /** IEEE 802.11-2020 §9.2.4.1.7: not where more fragments follow. */
  #observePowerState(frame: Ieee80211Frame, station: Station): void {
    if (!station.isAssociated || frame.moreFragments || station.asleep === frame.powerManagement) return;
    if (frame.powerManagement) return station.fallAsleep();
    station.asleep = false;
    this.#downlink.run();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown;
      this.#bss.drop('malformed');
    }
  }
}
