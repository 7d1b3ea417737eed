import {
  EAPOL_ETHER_TYPE,
  ethernetFromMsdu,
  EthernetView,
  formatMac,
  LLC_SNAP_BYTES,
  msduEtherType,
  msduFromEthernet,
  type Ieee80211Frame,
} from '@v3vee/wire';
import { type Bss } from './bss';
import { type Downlink } from './downlink';
import { type Station } from './station';

/** Data of stations: protection, EAPOL, and where it goes from here. */
export class Uplink {
  constructor(
    private readonly bss: Bss,
    private readonly downlink: Downlink,
  ) {}

  /** @param station is associated. @throws WireError for a body that is cut */
  receive(frame: Ieee80211Frame, station: Station): void {
    const { bss } = this;
    if (frame.isNull) return undefined;
    if (!frame.toDs || frame.fromDs) return bss.drop('wrong-direction');
    if (frame.isAmsdu) return bss.drop('amsdu');
    const opened = this.#open(frame, station);
    if (!opened) return undefined;
    const msdu = station.defragmenter.add(frame, opened.body, opened.protection);
    if (msdu === 'broken') return bss.drop('fragment');
    if (!msdu) return undefined;
    if (msduEtherType(msdu) === EAPOL_ETHER_TYPE) return this.#eapol(frame, station, msdu);
    if (station.state !== 'authorized') return bss.drop('not-authorized');
    // Under the key of an unfinished handshake, or plain, only EAPOL comes.
    if (bss.security && opened.protection?.session !== station.keys?.session) return bss.drop('unprotected');
    station.counts.rxFrames++;
    station.counts.rxBytes += msdu.length;
    bss.counters.rx++;
    bss.counters.rxBytes += msdu.length;
    return this.#forward(ethernetFromMsdu(frame.destination, station.address, msdu));
  }

  /** From the wired side. @throws WireError when there is no whole header */
  deliver(bytes: Uint8Array): void {
    const ethernet = new EthernetView(bytes);
    // Nobody beyond the access point may speak for it in the agreement on keys.
    if (ethernet.etherType === EAPOL_ETHER_TYPE) return this.bss.drop('eapol');
    if (ethernet.isGroup) return this.#toAll(ethernet);
    const station = this.#station(ethernet.destination);
    return station ? this.#toStation(station, ethernet) : this.bss.drop('no-station');
  }

  #forward(bytes: Uint8Array): void {
    const { settings, bssid } = this.bss;
    const ethernet = new EthernetView(bytes);
    if (ethernet.isGroup) {
      settings.distribution.send(bytes);
      return settings.isolation ? undefined : this.#toAll(ethernet);
    }
    const station = this.#station(ethernet.destination);
    if (station) return settings.isolation ? this.bss.drop('isolated') : this.#toStation(station, ethernet);
    if (formatMac(ethernet.destination) === bssid) return this.bss.drop('no-station');
    return settings.distribution.send(bytes);
  }

  #station(destination: Uint8Array): Station | undefined {
    const station = this.bss.stations.get(formatMac(destination));
    return station?.state === 'authorized' ? station : undefined;
  }

  #toStation(station: Station, ethernet: EthernetView): void {
    this.downlink.send(station, { ...outgoing(ethernet), isEapol: false });
  }

  #toAll(ethernet: EthernetView): void {
    this.downlink.sendGroup(new Uint8Array(ethernet.destination), outgoing(ethernet));
  }

  #open(
    frame: Ieee80211Frame,
    { keys }: Station,
  ): { body: Uint8Array; protection?: { session: object; packetNumber: number } } | undefined {
    const { bss } = this;
    if (!frame.protected) return { body: frame.body };
    const session = keys?.session ?? keys?.pending;
    const opened = session ? session.open(frame) : 'noCcmp';
    if (session && typeof opened !== 'string') {
      return { body: opened.body, protection: { session, packetNumber: opened.packetNumber } };
    }
    bss.drop(opened === 'replay' || opened === 'mic' ? opened : 'no-key');
    return undefined;
  }

  #eapol(frame: Ieee80211Frame, station: Station, msdu: Uint8Array): void {
    const isForUs = formatMac(frame.destination) === this.bss.bssid;
    if (isForUs && station.keys?.receive(msdu.subarray(LLC_SNAP_BYTES))) return;
    this.bss.drop('eapol');
  }
}

/** The caller's bytes may change afterwards. */
function outgoing(ethernet: EthernetView): { source: Uint8Array; msdu: Uint8Array } {
  return { source: new Uint8Array(ethernet.source), msdu: new Uint8Array(msduFromEthernet(ethernet)) };
}
