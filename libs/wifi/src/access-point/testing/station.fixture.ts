import {
  akmSuites,
  cipherSuites,
  dataSubtypes,
  EAPOL_ETHER_TYPE,
  elementIds,
  encodeAssociationRequest,
  encodeAuthentication,
  encodeElements,
  encodeRates,
  encodeReason,
  encodeReassociationRequest,
  encodeRsn,
  frameControl,
  frameTypes,
  Ieee80211Frame,
  ieee80211Frame,
  LLC_SNAP_BYTES,
  llcSnap,
  managementSubtypes,
  msduEtherType,
  nullToAp,
  parseMac,
  psPoll,
  readAssociationResponse,
  readAuthentication,
  readBeacon,
  readReason,
  type Element,
  type Tim,
} from '@v3vee/wire';
import { type Air, ratesOf } from '../../air';
import { type Antenna, type Reception, type TxStatus } from '../../antenna';
import { ccmpHeader, ccmpOpen } from '../crypto/ccmp';
import { PairwiseSession } from '../crypto/pairwise-session';
import { Supplicant } from './supplicant.fixture';

export interface StationOptions {
  mac: string;
  air: Air;
  bssid: string;
  ssid: string;
  freq: number;
  passphrase?: string;
}

export const rsnPsk = encodeRsn({
  version: 1,
  group: cipherSuites.CCMP,
  pairwise: [cipherSuites.CCMP],
  akm: [akmSuites.PSK],
  capabilities: 0,
});

/** What a station does between hearing a message of the handshake and answering: the test's choice. */
export type AnswerGate = (message: 2 | 4 | 'group', answer: Uint8Array) => Uint8Array | undefined;

/**
 * A station that is scripted by its test, beside a supplicant that answers by itself. It checks what a station can: no
 * packet number comes twice under a key, replay counters grow, MICs are right.
 */
export class ScriptedStation implements Antenna {
  readonly id: string;
  readonly txPower = 20;
  readonly address: Uint8Array;
  freq: number | undefined;
  /** Deaf while it sleeps, apart from what a test lets it hear. */
  status: number | undefined;
  aid = 0;
  tim: Tim | undefined;
  beacons = 0;
  /** Reasons of deauthentications (positive) and disassociations (negative). */
  readonly sentAway: number[] = [];
  /** Status of each answer to authentication or association. */
  readonly statuses: number[] = [];
  readonly unicast: { source: Uint8Array; msdu: Uint8Array; moreData: boolean }[] = [];
  readonly group: { source: Uint8Array; msdu: Uint8Array; moreData: boolean }[] = [];
  /** Group frames under a key that it was not given. */
  undecipherable = 0;
  readonly frames: Ieee80211Frame[] = [];
  supplicant: Supplicant | undefined;
  session: PairwiseSession | undefined;
  gate: AnswerGate = (_, answer) => answer;
  elements: Element[];
  /** Every answer that it sent, as it was on the air. */
  readonly answers: Uint8Array[] = [];
  readonly lastStatuses: TxStatus[] = [];
  #sequence = 0;
  #lastSequence = -1;
  readonly #seen = new Set<string>();
  readonly #bssid: Uint8Array;

  constructor(readonly options: StationOptions) {
    this.id = `station/${options.mac}`;
    this.address = parseMac(options.mac);
    this.freq = options.freq;
    this.#bssid = parseMac(options.bssid);
    const rates = ratesOf(options.freq).map(rate => ({ rate, basic: false }));
    this.elements = [
      { id: elementIds.SSID, value: Buffer.from(options.ssid) },
      { id: elementIds.SUPPORTED_RATES, value: encodeRates(rates.slice(0, 8)) },
      ...(rates.length > 8 ? [{ id: elementIds.EXTENDED_RATES, value: encodeRates(rates.slice(8)) }] : []),
      ...(options.passphrase === undefined ? [] : [{ id: elementIds.RSN, value: rsnPsk }]),
    ];
    options.air.join(this);
  }

  acknowledges(address: string): boolean {
    return address === this.options.mac;
  }

  /** Authenticates, then associates; the rest follows by itself. */
  connect(): void {
    this.manage(
      managementSubtypes.AUTHENTICATION,
      encodeAuthentication({ algorithm: 0, transaction: 1, status: 0 }),
    );
    this.associate();
  }

  associate(currentAp?: Uint8Array): void {
    this.#forget();
    const fields = { capabilities: 0x0421, listenInterval: 10 };
    if (currentAp) {
      const body = encodeReassociationRequest({ ...fields, currentAp }, this.elements);
      this.manage(managementSubtypes.REASSOCIATION_REQUEST, body);
    } else {
      this.manage(managementSubtypes.ASSOCIATION_REQUEST, encodeAssociationRequest(fields, this.elements));
    }
  }

  leave(reason = 3): void {
    this.manage(managementSubtypes.DEAUTHENTICATION, encodeReason(reason));
    this.#forget();
  }

  manage(subtype: number, body: Uint8Array, addr1 = this.#bssid, addr3 = addr1): void {
    const sequence = this.#next();
    this.transmit(
      ieee80211Frame(
        { type: frameTypes.MANAGEMENT, subtype, addr1, addr2: this.address, addr3, sequence },
        body,
      ),
    );
  }

  /** Data by way of the access point; encrypted when there are keys. */
  send(destination: Uint8Array, msdu: Uint8Array, flags = 0): void {
    this.transmit(this.dataFrame(destination, msdu, { flags }));
  }

  dataFrame(
    destination: Uint8Array,
    msdu: Uint8Array,
    options: { flags?: number; tid?: number; plain?: boolean; sequence?: number; fragment?: number } = {},
  ): Uint8Array {
    const { flags = 0, tid, plain, sequence = this.#next(), fragment } = options;
    const frame = ieee80211Frame(
      {
        type: frameTypes.DATA,
        subtype: tid === undefined ? dataSubtypes.DATA : dataSubtypes.QOS_DATA,
        flags: frameControl.TO_DS | flags,
        addr1: this.#bssid,
        addr2: this.address,
        addr3: destination,
        sequence,
        fragment,
        tid,
      },
      msdu,
    );
    return this.session && !plain ? this.session.seal(frame) : frame;
  }

  sleep(): void {
    this.transmit(nullToAp(this.#bssid, this.address, { sleeps: true, sequence: this.#next() }));
  }

  wake(): void {
    this.transmit(nullToAp(this.#bssid, this.address, { sleeps: false, sequence: this.#next() }));
  }

  poll(): void {
    this.transmit(psPoll(this.aid, this.#bssid, this.address));
  }

  transmit(frame: Uint8Array): void {
    const { air, freq } = this.options;
    const rates = [{ rate: 60, tries: 7 }];
    air.transmit(this, { frame, freq, rates }, status => this.lastStatuses.push(status));
  }

  receive({ frame: bytes }: Reception): void {
    const frame = Ieee80211Frame.read(bytes);
    if (Buffer.compare(frame.addr2, this.#bssid) !== 0) return;
    this.frames.push(frame);
    if (frame.isManagement) this.#managed(frame);
    else if (frame.isData && !frame.isNull) this.#data(frame);
  }

  #managed(frame: Ieee80211Frame): void {
    const { body, subtype } = frame;
    const { AUTHENTICATION, ASSOCIATION_RESPONSE, REASSOCIATION_RESPONSE } = managementSubtypes;
    if (frame.isBeacon) {
      this.beacons++;
      this.tim = readBeacon(body).elements.tim;
    } else if (subtype === AUTHENTICATION) this.statuses.push(readAuthentication(body).status);
    else if (subtype === ASSOCIATION_RESPONSE || subtype === REASSOCIATION_RESPONSE) {
      ({ status: this.status, aid: this.aid } = readAssociationResponse(body));
      this.statuses.push(this.status);
    } else if (subtype === managementSubtypes.DEAUTHENTICATION) this.sentAway.push(readReason(body));
    else if (subtype === managementSubtypes.DISASSOCIATION) this.sentAway.push(-readReason(body));
  }

  #data(frame: Ieee80211Frame): void {
    // What stations do too: a retransmission is dropped before it is deciphered.
    if (!frame.isGroupAddressed && frame.retry && frame.sequence === this.#lastSequence) return;
    if (!frame.isGroupAddressed) this.#lastSequence = frame.sequence;
    const msdu = frame.protected ? this.#decipher(frame) : frame.body;
    if (!msdu) return;
    if (msduEtherType(msdu) === EAPOL_ETHER_TYPE) return this.#eapol(msdu.subarray(LLC_SNAP_BYTES));
    if (this.options.passphrase !== undefined && !frame.protected) throw new Error('plain data came');
    const list = frame.isGroupAddressed ? this.group : this.unicast;
    list.push({ source: frame.source, msdu, moreData: frame.moreData });
  }

  #decipher(frame: Ieee80211Frame): Uint8Array | undefined {
    const header = ccmpHeader(frame);
    if (!header) throw new Error('no CCMP header');
    const { keyIndex, packetNumber } = header;
    if (!frame.isGroupAddressed) {
      if (!this.session) throw new Error('encrypted before there are keys');
      const opened = this.session.open(frame);
      if (typeof opened === 'string') throw new Error(`packet number ${packetNumber}: ${opened}`);
      return opened.body;
    }
    const group = this.supplicant?.groupKeys.get(keyIndex);
    const body = group && ccmpOpen(group.key, packetNumber, frame);
    if (!body) {
      this.undecipherable++;
      return undefined;
    }
    if (packetNumber <= group.rsc) throw new Error(`group packet number ${packetNumber} is old`);
    const name = `${Buffer.from(group.key).toString('hex')} ${packetNumber}`;
    if (this.#seen.has(name)) throw new Error(`group packet number ${packetNumber} came twice`);
    this.#seen.add(name);
    return body;
  }

  #eapol(eapol: Uint8Array): void {
    const { passphrase, ssid } = this.options;
    if (passphrase === undefined) return;
    this.supplicant ??= new Supplicant({
      passphrase,
      ssid: Buffer.from(ssid),
      ap: this.#bssid,
      station: this.address,
      rsn: encodeElements(this.elements.filter(({ id }) => id === elementIds.RSN)),
    });
    const due = this.supplicant.receive(eapol);
    const answer = due && this.gate(due.number, due.answer);
    if (answer) this.sendEapol(answer);
    if (!due?.install || !this.supplicant.keys) return;
    this.supplicant.installed = true;
    this.session = new PairwiseSession(this.supplicant.keys.tk);
  }

  sendEapol(eapol: Uint8Array, destination = this.#bssid): void {
    const frame = this.dataFrame(destination, llcSnap(EAPOL_ETHER_TYPE, eapol));
    this.answers.push(frame);
    this.transmit(frame);
  }

  #next(): number {
    this.#sequence = (this.#sequence + 1) & 0xfff;
    return this.#sequence;
  }

  #forget(): void {
    this.supplicant = undefined;
    this.session = undefined;
    this.aid = 0;
  }
}
