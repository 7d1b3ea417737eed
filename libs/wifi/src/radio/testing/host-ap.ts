import {
  dataSubtypes,
  elementIds,
  encodeAssociationResponse,
  encodeAuthentication,
  encodeBeacon,
  encodeRates,
  frameControl,
  frameTypes,
  ieee80211Frame,
  llcSnap,
  managementSubtypes,
  parseMac,
  type Ieee80211Frame,
} from '@v3vee/wire';
import { OFDM_RATES } from '../../air';
import type { TurnedClock } from '../../air/testing/turned-clock';
import type { Guest } from './guest';

const BEACON_MS = 102.4;
const rates = {
  id: elementIds.SUPPORTED_RATES,
  value: encodeRates(OFDM_RATES.map(rate => ({ rate, basic: false }))),
};

/** What hostapd does in a guest: an open access point, all by frames. */
export class HostAp {
  readonly stations = new Set<string>();
  readonly uplink: Uint8Array[] = [];

  constructor(
    private readonly guest: Guest,
    private readonly ssid: string,
    freq: number,
    private readonly clock: TurnedClock,
  ) {
    Object.assign(guest, { freq, bssid: undefined });
    guest.onFrame = view => this.#answer(view);
    this.#beacon();
  }

  get cell() {
    return { bssid: this.guest.address, ssid: this.ssid, channel: 0, freq: this.guest.freq };
  }

  /** Data to a station, or to all. */
  send(to: string, number: number): bigint {
    const payload = new Uint8Array(100);
    new DataView(payload.buffer).setUint32(0, number);
    const { guest } = this;
    const fields = { type: frameTypes.DATA, subtype: dataSubtypes.DATA, flags: frameControl.FROM_DS };
    const addresses = { addr1: parseMac(to), addr2: guest.mac, addr3: guest.mac };
    return guest.send(ieee80211Frame({ ...fields, ...addresses }, llcSnap(0x88b5, payload)));
  }

  #beacon(): void {
    const fields = {
      timestamp: BigInt(Math.round(this.clock.now() * 1_000)),
      interval: 100,
      capabilities: 1,
    };
    this.guest.manage(managementSubtypes.BEACON, encodeBeacon(fields, this.#elements()), undefined);
    this.clock.after(BEACON_MS, () => this.#beacon());
  }

  #answer(view: Ieee80211Frame): void {
    const from = view.transmitter as string;
    const { guest } = this;
    if (view.isProbeRequest) {
      const body = encodeBeacon({ timestamp: 0n, interval: 100, capabilities: 1 }, this.#elements());
      guest.manage(managementSubtypes.PROBE_RESPONSE, body, from);
    }
    if (view.receiver !== guest.address) return;
    if (view.isData && !view.isNull && this.stations.has(from)) this.uplink.push(view.body);
    if (!view.isManagement) return;
    if (view.subtype === managementSubtypes.AUTHENTICATION) {
      const body = encodeAuthentication({ algorithm: 0, transaction: 2, status: 0 });
      guest.manage(managementSubtypes.AUTHENTICATION, body, from);
    }
    if (view.subtype === managementSubtypes.ASSOCIATION_REQUEST) {
      this.stations.add(from);
      const body = encodeAssociationResponse({ capabilities: 1, status: 0, aid: this.stations.size }, [
        rates,
      ]);
      guest.manage(managementSubtypes.ASSOCIATION_RESPONSE, body, from);
    }
  }

  #elements() {
    return [{ id: elementIds.SSID, value: Buffer.from(this.ssid) }, rates];
  }
}
