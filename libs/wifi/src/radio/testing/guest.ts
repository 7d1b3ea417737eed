import {
  dataSubtypes,
  decodeToGuest,
  elementIds,
  encodeAssociationRequest,
  encodeAuthentication,
  encodeElements,
  encodeMacUse,
  encodeRates,
  encodeTransmitted,
  formatMac,
  frameControl,
  frameTypes,
  Ieee80211Frame,
  ieee80211Frame,
  llcSnap,
  managementSubtypes,
  nullToAp,
  parseMac,
  readAssociationResponse,
  type HwsimRate,
  type HwsimReception,
  type HwsimTxStatus,
} from '@v3vee/wire';
import { ratesOf } from '../../air';
import type { Radio } from '../radio';

/** Somebody behind the access point. */
const WIRED = Uint8Array.of(2, 0, 0, 0, 0xee, 1);
const EVERYBODY = new Uint8Array(6).fill(0xff);

/** What hwsim, mac80211 and a supplicant do in a guest, as far as a radio sees it. */
export class Guest {
  radio: Radio;
  epoch = 1;
  freq = 0;
  bssid: string | undefined;
  ssid = '';
  associated = false;
  readonly phy = parseMac('42:00:00:00:00:00');
  readonly mac: Uint8Array;
  readonly received: (HwsimReception & { view: Ieee80211Frame })[] = [];
  readonly statuses: HwsimTxStatus[] = [];
  readonly messages: Uint8Array[] = [];
  sent = 0;
  /** Told for what arrives. */
  onFrame: ((view: Ieee80211Frame, reception: HwsimReception) => void) | undefined;
  #sequence = 0;
  #cookie = 0n;

  constructor(
    radio: Radio,
    readonly vmId: string,
    readonly address: string,
  ) {
    this.radio = radio;
    this.mac = parseMac(address);
    this.attach();
  }

  attach(context?: Parameters<Radio['addVm']>[2]): void {
    const { vmId, epoch, address } = this;
    this.radio.addVm({ vmId, epoch, addresses: [address] }, message => this.take(message), context);
  }

  use(kind: 'addMac' | 'delMac', address = this.mac): void {
    this.message(encodeMacUse({ kind, radio: this.phy, address }));
  }

  up(): this {
    this.use('addMac');
    return this;
  }

  message(bytes: Uint8Array): void {
    this.radio.fromVm(this.vmId, this.epoch, bytes);
  }

  /** @returns its cookie */
  send(frame: Uint8Array, options: { freq?: number; rates?: HwsimRate[] } = {}): bigint {
    const freq = options.freq ?? this.freq;
    const rates = options.rates ?? [{ index: ratesOf(freq).length - 1, count: 4 }];
    this.sent++;
    const cookie = ++this.#cookie;
    this.message(encodeTransmitted({ radio: this.phy, frame, flags: 1, cookie, freq, rates }));
    return cookie;
  }

  status(cookie: bigint): HwsimTxStatus | undefined {
    return this.statuses.find(status => status.cookie === cookie);
  }

  /** Authenticates and associates; the rest follows from the answers. */
  join(bssid: string, ssid: string, freq: number): this {
    Object.assign(this, { bssid, ssid, freq, associated: false });
    this.manage(
      managementSubtypes.AUTHENTICATION,
      encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }),
    );
    return this;
  }

  manage(subtype: number, body: Uint8Array, to = this.bssid, freq = this.freq): bigint {
    // Without an access point of its own it is one.
    const addr1 = to === undefined ? EVERYBODY : parseMac(to);
    const addr3 = this.bssid === undefined ? this.mac : addr1;
    const fields = { type: frameTypes.MANAGEMENT, subtype, addr1, addr2: this.mac, addr3 };
    return this.send(ieee80211Frame({ ...fields, sequence: this.#next() }, body), { freq });
  }

  /** An open data frame for somebody behind the access point; its IP packet has so many bytes, the first four a number. */
  data(number: number, bytes = 100, to: Uint8Array = WIRED): bigint {
    const payload = new Uint8Array(bytes);
    new DataView(payload.buffer).setUint32(0, number);
    const { TO_DS } = frameControl;
    const frame = ieee80211Frame(
      {
        type: frameTypes.DATA,
        subtype: dataSubtypes.DATA,
        flags: TO_DS,
        addr1: parseMac(this.bssid as string),
        addr2: this.mac,
        addr3: to,
        sequence: this.#next(),
      },
      llcSnap(0x88b5, payload),
    );
    return this.send(frame);
  }

  sleep(sleeps: boolean): bigint {
    return this.send(nullToAp(parseMac(this.bssid as string), this.mac, { sleeps, sequence: this.#next() }));
  }

  probe(freq: number, ssid = '', from = this.mac): bigint {
    const body = encodeElements([
      { id: elementIds.SSID, value: Buffer.from(ssid) },
      { id: elementIds.SUPPORTED_RATES, value: encodeRates([{ rate: 60, basic: true }]) },
    ]);
    const { PROBE_REQUEST } = managementSubtypes;
    const fields = {
      type: frameTypes.MANAGEMENT,
      subtype: PROBE_REQUEST,
      addr1: EVERYBODY,
      addr3: EVERYBODY,
    };
    return this.send(ieee80211Frame({ ...fields, addr2: from, sequence: this.#next() }, body), {
      freq,
      rates: [{ index: 0, count: 1 }],
    });
  }

  /** Numbers of the data frames that arrived, of its access point if it has one. */
  get numbers(): number[] {
    return this.received.flatMap(({ view }) => {
      if (this.bssid !== undefined && view.transmitter !== this.bssid) return [];
      if (!view.isData || view.isNull || view.body.length < 12) return [];
      const { body } = view;
      return new DataView(body.buffer, body.byteOffset).getUint32(8);
    });
  }

  beacons(bssid: string) {
    return this.received.filter(({ view }) => view.isBeacon && formatMac(view.bssid) === bssid);
  }

  take(bytes: Uint8Array): void {
    this.messages.push(bytes);
    const message = decodeToGuest(bytes);
    if (message.kind === 'txStatus') return void this.statuses.push(message);
    const view = Ieee80211Frame.read(message.frame);
    this.received.push({ ...message, view });
    this.onFrame?.(view, message);
    if (!view.isManagement || view.receiver !== this.address || view.transmitter !== this.bssid) return;
    if (view.subtype === managementSubtypes.AUTHENTICATION) this.#associate();
    if (view.subtype === managementSubtypes.ASSOCIATION_RESPONSE) {
      this.associated = readAssociationResponse(view.body).status === 0;
    }
    if (view.subtype === managementSubtypes.DEAUTHENTICATION) this.associated = false;
  }

  #associate(): void {
    const rates = ratesOf(this.freq).slice(-8);
    this.manage(
      managementSubtypes.ASSOCIATION_REQUEST,
      encodeAssociationRequest({ capabilities: 1, listenInterval: 5 }, [
        { id: elementIds.SSID, value: Buffer.from(this.ssid) },
        { id: elementIds.SUPPORTED_RATES, value: encodeRates(rates.map(rate => ({ rate, basic: false }))) },
      ]),
    );
  }

  #next(): number {
    this.#sequence = (this.#sequence + 1) & 4095;
    return this.#sequence;
  }
}
