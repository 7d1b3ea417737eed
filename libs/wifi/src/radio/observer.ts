import {
  formatMac,
  managementSubtypes as subtypes,
  readAssociationRequest,
  readAssociationResponse,
  readAuthentication,
  readBeacon,
  readReassociationRequest,
  type Elements,
  type Ieee80211Frame,
} from '@v3vee/wire';
import type { Station } from './station';

/** ms that a vMAC keeps its channel: while it joins, after it has left, as an access point without a beacon. */
const JOINING_MS = 2_000;
const LEFT_MS = 100;
const ACCESS_POINT_MS = 5_000;
/** ms in which an access point answers, during which the radio does not leave. */
const ANSWER_MS = 50;

/** Whether a frame says where its vMAC wants to be; others only ask for a visit. */
export function fixesChannel(frame: Ieee80211Frame): boolean {
  if (frame.isData || frame.isBeacon) return true;
  const { subtype } = frame;
  return (
    frame.isManagement &&
    (subtype === subtypes.AUTHENTICATION ||
      subtype === subtypes.ASSOCIATION_REQUEST ||
      subtype === subtypes.REASSOCIATION_REQUEST)
  );
}

/** A frame of the guest came in: where the vMAC wants to be, and what it is about to be. */
export function observeWanted(station: Station, frame: Ieee80211Frame, freq: number, now: number): void {
  if (!frame.isGroupAddressed && !frame.isControl && !frame.isQos) station.sequence = frame.sequence;
  if (!fixesChannel(frame)) return;
  if (frame.isBeacon) return becomeAccessPoint(station, frame, freq, now);
  if (station.state === 'ap') {
    if (now < station.until) return;
    station.forget();
  }
  if (frame.isData) {
    if (!frame.toDs || frame.fromDs || frame.isGroupAddressed) return;
    // Also how a vMAC is known again whose association was made elsewhere.
    const bssid = formatMac(frame.bssid);
    if (station.bssid !== bssid) station.forget();
    if (station.state !== 'associated') station.since = now;
    Object.assign(station, { state: 'associated', bssid, freq, until: Infinity });
    return;
  }
  const bssid = formatMac(frame.addr1);
  if (frame.subtype === subtypes.AUTHENTICATION) {
    station.forget();
    station.state = 'authenticating';
  } else {
    const isAgain = frame.subtype === subtypes.REASSOCIATION_REQUEST;
    const read = isAgain ? readReassociationRequest : readAssociationRequest;
    station.ssid = textOf(() => read(frame.body).elements) ?? station.ssid;
    if (station.state !== 'associated') station.state = 'authenticated';
  }
  Object.assign(station, { bssid, freq, until: now + JOINING_MS, answerUntil: now + ANSWER_MS });
}

function becomeAccessPoint(station: Station, frame: Ieee80211Frame, freq: number, now: number): void {
  if (station.state !== 'ap') {
    station.forget();
    station.state = 'ap';
    station.bssid = station.address;
  }
  station.ssid = textOf(() => readBeacon(frame.body).elements) ?? station.ssid;
  Object.assign(station, { freq, until: now + ACCESS_POINT_MS });
}

/** A frame of the guest went over the air. */
export function observeSent(station: Station, frame: Ieee80211Frame, acked: boolean, now: number): void {
  if (frame.isManagement && !frame.isGroupAddressed && isFarewell(frame) && isOf(station, frame)) {
    station.forget();
    station.until = now + LEFT_MS;
    return;
  }
  if (!acked || !isOf(station, frame) || station.state === 'ap') return;
  station.heard = now;
  if (frame.isData) {
    station.sleeps = frame.powerManagement;
    if (!frame.powerManagement) station.away = false;
  }
}

/** A frame for the vMAC, or for all of its BSS, arrived. */
export function observeReceived(station: Station, frame: Ieee80211Frame, now: number): void {
  if (station.state === 'idle' || station.state === 'ap') return;
  if (formatMac(frame.addr2) !== station.bssid) return;
  station.heard = now;
  if (!frame.isManagement) return;
  if (isFarewell(frame)) {
    station.forget();
    station.until = now + LEFT_MS;
    return;
  }
  if (frame.isGroupAddressed) return;
  const { subtype } = frame;
  if (subtype === subtypes.AUTHENTICATION) {
    station.answerUntil = 0;
    const status = attempt(() => readAuthentication(frame.body).status);
    if (station.state === 'authenticating' && status === 0) station.state = 'authenticated';
  } else if (subtype === subtypes.ASSOCIATION_RESPONSE || subtype === subtypes.REASSOCIATION_RESPONSE) {
    station.answerUntil = 0;
    const response = attempt(() => readAssociationResponse(frame.body));
    if (response?.status !== 0) return;
    // Neither side takes it for asleep in a new association (§11.2.3.2).
    station.since = now;
    Object.assign(station, {
      state: 'associated',
      aid: response.aid,
      until: Infinity,
      sleeps: false,
      away: false,
    });
  }
}

const isFarewell = ({ subtype }: Ieee80211Frame) =>
  subtype === subtypes.DEAUTHENTICATION || subtype === subtypes.DISASSOCIATION;

const isOf = (station: Station, frame: Ieee80211Frame) => formatMac(frame.addr1) === station.bssid;

function textOf(elements: () => Elements): string | undefined {
  const ssid = attempt(() => elements().ssid);
  return ssid?.some(octet => octet !== 0) ? Buffer.from(ssid).toString('utf8') : undefined;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
