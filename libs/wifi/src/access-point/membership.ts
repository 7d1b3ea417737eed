import {
  akmSuites,
  authenticationAlgorithms,
  cipherSuites,
  elementIds,
  encodeAssociationResponse,
  encodeAuthentication,
  encodeBeacon,
  encodeElements,
  encodeReason,
  formatMac,
  llcSnap,
  managementSubtypes,
  EAPOL_ETHER_TYPE,
  readAssociationRequest,
  readAuthentication,
  readProbeRequest,
  readReason,
  readReassociationRequest,
  reasonCodes,
  rsnCapabilities,
  statusCodes,
  type AssociationRequestFields,
  type Elements,
  type Ieee80211Frame,
} from '@v3vee/wire';
import { type Bss } from './bss';
import { type Downlink } from './downlink';
import { type GroupRenewal } from './group-renewal';
import { layer2Update } from './layer2-update';
import { RateControl } from './rate-control';
import { Station } from './station';
import { StationKeys } from './station-keys';

/** Strangers are told at most this often that they do not belong here. */
const REBUKE_INTERVAL_MS = 1000;
const MAX_REBUKED = 256;

interface AssociationRequest extends AssociationRequestFields {
  elements: Elements;
  currentAp?: Uint8Array;
}

/** Who belongs to the BSS (IEEE 802.11-2020 §11.3): probing, authentication, association, and their ends. */
export class Membership {
  readonly #rebuked = new Map<string, number>();

  constructor(
    private readonly bss: Bss,
    private readonly downlink: Downlink,
    private readonly renewal: GroupRenewal | undefined,
  ) {}

  /** @throws WireError for a body that is cut */
  receive(frame: Ieee80211Frame, station: Station | undefined): void {
    const { PROBE_REQUEST, AUTHENTICATION, DEAUTHENTICATION, DISASSOCIATION } = managementSubtypes;
    const { ASSOCIATION_REQUEST, REASSOCIATION_REQUEST } = managementSubtypes;
    if (frame.subtype === PROBE_REQUEST) return this.#probed(frame);
    if (frame.subtype === AUTHENTICATION) return this.#authenticate(frame, station);
    if (frame.subtype === ASSOCIATION_REQUEST) {
      return this.#associate(frame, station, readAssociationRequest(frame.body));
    }
    if (frame.subtype === REASSOCIATION_REQUEST) {
      return this.#associate(frame, station, readReassociationRequest(frame.body));
    }
    if (!station) return;
    if (frame.subtype === DEAUTHENTICATION) this.#remove(station, readReason(frame.body), 'station');
    if (frame.subtype === DISASSOCIATION && station.isAssociated) {
      this.#dissociate(station, readReason(frame.body), 'station');
    }
  }

  /** A class 3 frame of somebody who is not associated (§11.3.4). */
  rebuke(frame: Ieee80211Frame, station: Station | undefined): void {
    const { DEAUTHENTICATION, DISASSOCIATION } = managementSubtypes;
    this.#rebuke(
      frame,
      station ? DISASSOCIATION : DEAUTHENTICATION,
      reasonCodes.CLASS_3_FRAME_FROM_UNASSOCIATED,
    );
  }

  /** Sends it away. */
  deauthenticate(station: Station, reason: number): void {
    this.downlink.manage(station.address, managementSubtypes.DEAUTHENTICATION, encodeReason(reason));
    this.#remove(station, reason, 'accessPoint');
  }

  /** It is elsewhere now: nothing is sent to it. */
  forget(station: Station): void {
    this.#remove(station, reasonCodes.DISASSOCIATED_LEAVING, 'station');
  }

  #probed(frame: Ieee80211Frame): void {
    const { bss } = this;
    const { ssid, channel } = readProbeRequest(frame.body);
    const { settings, timestamp, capabilities } = bss;
    if (!ssid || (channel !== undefined && channel !== settings.channel)) return;
    const isWildcard = ssid.length === 0 && !settings.hidden;
    if (!isWildcard && Buffer.compare(ssid, settings.ssid) !== 0) return;
    bss.counters.probeResponses++;
    const body = encodeBeacon(
      { timestamp, interval: settings.beaconInterval, capabilities },
      bss.elements(settings.ssid),
    );
    this.downlink.manage(frame.addr2, managementSubtypes.PROBE_RESPONSE, body);
  }

  #authenticate(frame: Ieee80211Frame, known: Station | undefined): void {
    const { algorithm, transaction } = readAuthentication(frame.body);
    const answer = (status: number) =>
      this.downlink.manage(
        frame.addr2,
        managementSubtypes.AUTHENTICATION,
        encodeAuthentication({ algorithm, transaction: (transaction + 1) & 0xffff, status }),
      );
    if (algorithm !== authenticationAlgorithms.OPEN) return answer(statusCodes.ALGORITHM_UNSUPPORTED);
    if (transaction !== 1) return answer(statusCodes.TRANSACTION_OUT_OF_ORDER);
    if (known?.isAssociated) this.#dissociate(known, reasonCodes.PREVIOUS_AUTHENTICATION_INVALID, 'station');
    if (!known && !this.#admit(frame.addr2)) {
      this.#refused(formatMac(frame.addr2), statusCodes.TOO_MANY_STATIONS);
      return answer(statusCodes.TOO_MANY_STATIONS);
    }
    return answer(statusCodes.SUCCESS);
  }

  /** Whether there is room; who has only been authenticated for longest makes it. */
  #admit(address: Uint8Array): boolean {
    const { stations, settings } = this.bss;
    if (stations.size >= settings.maxStations) {
      const idle = [...stations.values()].find(({ isAssociated }) => !isAssociated);
      if (!idle) return false;
      this.#remove(idle, reasonCodes.AP_OVERLOADED, 'accessPoint');
    }
    const station = new Station(new Uint8Array(address), {
      now: settings.clock.now(),
      queueFrames: settings.queueFrames,
      onDrop: () => this.bss.drop('queue-full'),
    });
    stations.set(station.mac, station);
    settings.onEvent({ kind: 'authenticated', station: station.mac });
    return true;
  }

  #associate(frame: Ieee80211Frame, station: Station | undefined, request: AssociationRequest): void {
    const { DEAUTHENTICATION, ASSOCIATION_RESPONSE, REASSOCIATION_RESPONSE } = managementSubtypes;
    if (!station) {
      return this.#rebuke(frame, DEAUTHENTICATION, reasonCodes.CLASS_2_FRAME_FROM_UNAUTHENTICATED);
    }
    const { bss } = this;
    const status = this.#check(request);
    if (status === statusCodes.SUCCESS) this.#accept(station, request);
    else this.#refused(station.mac, status);
    if (status !== statusCodes.SUCCESS && station.isAssociated) {
      this.#dissociate(station, reasonCodes.UNSPECIFIED, 'accessPoint');
    }
    const { aid, rateControl } = station;
    this.downlink.manage(
      station.address,
      request.currentAp ? REASSOCIATION_RESPONSE : ASSOCIATION_RESPONSE,
      encodeAssociationResponse({ capabilities: bss.capabilities, status, aid }, bss.rateElements()),
      ({ acked }) => {
        // Another association may have taken its place.
        if (!rateControl || station.rateControl !== rateControl) return;
        if (!acked) return this.#dissociate(station, reasonCodes.TIMEOUT, 'accessPoint');
        if (station.keys) return station.keys.start();
        return this.#authorize(station);
      },
    );
  }

  /** IEEE 802.11-2020 §11.3.5.3. */
  #check({ elements }: AssociationRequest): number {
    const { settings, security, rates } = this.bss;
    const { ssid } = elements;
    if (!ssid || Buffer.compare(ssid, settings.ssid) !== 0) return statusCodes.UNSPECIFIED_FAILURE;
    const theirs = new Set(elements.rates.map(({ rate }) => rate));
    if (rates.some(({ rate, basic }) => basic && !theirs.has(rate))) return statusCodes.RATES_UNSUPPORTED;
    if (!security) return statusCodes.SUCCESS;
    const { rsn } = elements;
    if (!rsn) return statusCodes.INVALID_ELEMENT;
    if (rsn.version !== 1) return statusCodes.UNSUPPORTED_RSN_VERSION;
    if (rsn.group !== cipherSuites.CCMP) return statusCodes.INVALID_GROUP_CIPHER;
    if (!isOnly(rsn.pairwise, cipherSuites.CCMP)) return statusCodes.INVALID_PAIRWISE_CIPHER;
    if (!isOnly(rsn.akm, akmSuites.PSK)) return statusCodes.INVALID_AKMP;
    if (rsn.capabilities & rsnCapabilities.MFP_REQUIRED) return statusCodes.INVALID_RSN_CAPABILITIES;
    return statusCodes.SUCCESS;
  }

  #accept(station: Station, { elements, currentAp, ...request }: AssociationRequest): void {
    const { bss } = this;
    const { clock, freq, random, onEvent, bssid } = bss.settings;
    const lastAid = station.aid;
    this.renewal?.forget(station);
    this.downlink.forget(station);
    station.dissociate(clock.now());
    this.downlink.run();
    const theirs = new Set(elements.rates.map(({ rate }) => rate));
    station.state = 'associated';
    station.aid = lastAid || this.#freeAid();
    station.capabilities = request.capabilities;
    station.listenInterval = request.listenInterval;
    station.rates = bss.rates.map(({ rate }) => rate).filter(rate => theirs.has(rate));
    const chance = () => (Buffer.from(random(2)).readUInt16LE() as number) / 0x1_0000;
    station.rateControl = new RateControl(station.rates, freq, clock, chance);
    const rsn = elements.get(elementIds.RSN);
    if (bss.security && rsn) {
      const { pmk, rsnElement, groupKeys } = bss.security;
      station.keys = new StationKeys({
        clock,
        pmk,
        bssid,
        station: station.address,
        ownRsn: rsnElement,
        stationRsn: encodeElements([{ id: elementIds.RSN, value: new Uint8Array(rsn) }]),
        groupKeys,
        random,
        send: eapol => {
          const msdu = llcSnap(EAPOL_ETHER_TYPE, eapol);
          this.downlink.send(station, { source: bssid, msdu, isEapol: true });
        },
        onAuthorized: () => {
          bss.counters.handshakes++;
          this.#authorize(station);
        },
        onSilence: waitedFor => {
          bss.counters.handshakesFailed++;
          onEvent({ kind: 'handshakeFailed', station: station.mac, waitedFor });
          const { FOUR_WAY_HANDSHAKE_TIMEOUT, GROUP_KEY_HANDSHAKE_TIMEOUT } = reasonCodes;
          const isGroup = waitedFor === 'group message 2';
          this.deauthenticate(station, isGroup ? GROUP_KEY_HANDSHAKE_TIMEOUT : FOUR_WAY_HANDSHAKE_TIMEOUT);
        },
      });
    }
    const from = currentAp && formatMac(currentAp);
    onEvent({ kind: 'associated', station: station.mac, aid: station.aid, from });
  }

  #authorize(station: Station): void {
    const { distribution, onEvent } = this.bss.settings;
    station.state = 'authorized';
    onEvent({ kind: 'authorized', station: station.mac });
    distribution.send(layer2Update(station.address));
  }

  #freeAid(): number {
    const used = new Set([...this.bss.stations.values()].map(({ aid }) => aid));
    let aid = 1;
    while (used.has(aid)) aid++;
    return aid;
  }

  #refused(station: string, status: number): void {
    this.bss.counters.refused++;
    this.bss.settings.onEvent({ kind: 'refused', station, status });
  }

  #remove(station: Station, reason: number, by: 'station' | 'accessPoint'): void {
    if (this.bss.stations.get(station.mac) !== station) return;
    if (station.isAssociated) this.#dissociate(station, reason, by);
    this.bss.stations.delete(station.mac);
  }

  #dissociate(station: Station, reason: number, by: 'station' | 'accessPoint'): void {
    const knewKey = station.state === 'authorized';
    this.downlink.forget(station);
    station.dissociate(this.bss.settings.clock.now());
    if (knewKey) this.renewal?.left(station);
    this.bss.settings.onEvent({ kind: 'left', station: station.mac, reason, by });
    // Who was the last that slept held group frames back.
    this.downlink.run();
  }

  #rebuke(frame: Ieee80211Frame, subtype: number, reason: number): void {
    const { bss } = this;
    bss.drop('not-associated');
    const now = bss.settings.clock.now();
    const mac = formatMac(frame.addr2);
    if (now - (this.#rebuked.get(mac) ?? Number.NEGATIVE_INFINITY) < REBUKE_INTERVAL_MS) return;
    if (this.#rebuked.size >= MAX_REBUKED) this.#rebuked.clear();
    this.#rebuked.set(mac, now);
    this.downlink.manage(frame.addr2, subtype, encodeReason(reason));
  }
}

const isOnly = (suites: readonly number[], suite: number): boolean =>
  suites.length === 1 && suites[0] === suite;
