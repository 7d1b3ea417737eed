import {
  authenticationAlgorithms,
  capabilities,
  controlSubtypes,
  EAPOL_ETHER_TYPE,
  ethernetFromMsdu,
  frequencyChannel,
  Ieee80211Frame,
  keyInformation,
  LLC_SNAP_BYTES,
  managementSubtypes,
  msduEtherType,
  psPollAid,
  radiotapTxFlags,
  readAction,
  readAssociationRequest,
  readAssociationResponse,
  readAuthentication,
  readBeacon,
  readEapolKey,
  readProbeRequest,
  readRadiotap,
  readReason,
  readReassociationRequest,
  reasonName,
  statusName,
  type Radiotap,
} from '../ieee80211';
import { WireError } from '../wire-error';
import { describePacket } from './packet-line';

/** What an 802.11 frame behind a radiotap header is, in one line, of the octets that were kept of it. */
export function describeWlan(bytes: Uint8Array, length: number): string {
  try {
    const radio = readRadiotap(bytes);
    const frame = Ieee80211Frame.read(bytes.subarray(radio.length));
    const ends = [frame.transmitter, frame.receiver].filter(end => end !== undefined).join(' > ');
    return [`${ends}: ${describe(frame, length - radio.length)}`, ...circumstances(frame, radio)].join(', ');
  } catch (thrown) {
    if (thrown instanceof WireError) return `a frame of ${length} bytes that is cut short or malformed`;
    throw thrown;
  }
}

const abbreviations = ['ACK', 'RTS', 'CTS', 'CF', 'ATIM', 'SAE'];
const managementNames = names(managementSubtypes);
const controlNames = names(controlSubtypes);
const algorithms = names(authenticationAlgorithms);

function describe(frame: Ieee80211Frame, length: number): string {
  if (frame.isManagement) return management(frame);
  if (frame.isData) return data(frame, length);
  if (!frame.isControl) return `type ${frame.type} subtype ${frame.subtype}`;
  if (frame.isPsPoll) return `PS-Poll AID ${psPollAid(frame.duration)}`;
  return controlNames.get(frame.subtype) ?? `control frame of subtype ${frame.subtype}`;
}

function management(frame: Ieee80211Frame): string {
  const name = managementNames.get(frame.subtype) ?? `management frame of subtype ${frame.subtype}`;
  if (frame.protected) return `${name} encrypted`;
  const details = body(frame);
  return details === '' ? name : `${name} ${details}`;
}

function body({ subtype, body }: Ieee80211Frame): string {
  const is = managementSubtypes;
  switch (subtype) {
    case is.BEACON:
    case is.PROBE_RESPONSE: {
      const { elements, capabilities: has, interval } = readBeacon(body);
      const isPrivate = (has & capabilities.PRIVACY) !== 0;
      return `${ssid(elements.ssid, 'hidden')} every ${interval} TU${isPrivate ? ' privacy' : ''}`;
    }
    case is.PROBE_REQUEST:
      return ssid(readProbeRequest(body).ssid, 'for any');
    case is.ASSOCIATION_REQUEST:
      return ssid(readAssociationRequest(body).elements.ssid, '');
    case is.REASSOCIATION_REQUEST:
      return ssid(readReassociationRequest(body).elements.ssid, '');
    case is.ASSOCIATION_RESPONSE:
    case is.REASSOCIATION_RESPONSE: {
      const { status, aid } = readAssociationResponse(body);
      return status === 0 ? `${statusName(status)} AID ${aid}` : statusName(status);
    }
    case is.AUTHENTICATION: {
      const { algorithm, transaction, status } = readAuthentication(body);
      return `${algorithms.get(algorithm) ?? `algorithm ${algorithm}`} ${transaction} ${statusName(status)}`;
    }
    case is.DEAUTHENTICATION:
    case is.DISASSOCIATION:
      return reasonName(readReason(body));
    case is.ACTION:
    case is.ACTION_NO_ACK: {
      const { category, action } = readAction(body);
      return `category ${category} action ${action}`;
    }
    default:
      return '';
  }
}

function data(frame: Ieee80211Frame, length: number): string {
  const name = frame.isQos ? 'QoS ' : '';
  if (frame.isNull) return `${name}Null ${frame.powerManagement ? 'sleeps' : 'awake'}`;
  const { body, headerLength } = frame;
  if (frame.protected) return `${name}Data encrypted length ${length - headerLength}`;
  if (frame.fragment > 0) return `${name}Data fragment ${frame.fragment} length ${length - headerLength}`;
  if (frame.isAmsdu) return `${name}Data A-MSDU length ${length - headerLength}`;
  if (msduEtherType(body) === EAPOL_ETHER_TYPE) return eapol(body.subarray(LLC_SNAP_BYTES));
  const ethernet = ethernetFromMsdu(frame.destination, frame.source, body);
  return `${name}Data ${describePacket(ethernet, length - headerLength - body.length + ethernet.length)}`;
}

/** Which message of which handshake (IEEE 802.11-2020, 12.7.6 and 12.7.7). */
function eapol(bytes: Uint8Array): string {
  const EAPOL_KEY = 3;
  if (bytes[1] !== EAPOL_KEY) return `EAPOL type ${bytes[1] ?? 'unknown'}`;
  const { information, data } = readEapolKey(bytes);
  const { PAIRWISE, ACK, MIC } = keyInformation;
  const has = (bit: number) => (information & bit) !== 0;
  if (!has(PAIRWISE)) return `EAPOL-Key group ${has(ACK) ? 1 : 2} of 2`;
  // The last has nothing to say.
  const message = has(ACK) ? (has(MIC) ? 3 : 1) : data.length > 0 ? 2 : 4;
  return `EAPOL-Key ${message} of 4`;
}

function circumstances(frame: Ieee80211Frame, radio: Radiotap): string[] {
  const { freq, signal, txPower, rate, retries = 0, txFlags = 0 } = radio;
  const told: (string | false | undefined)[] = [
    freq !== undefined && `channel ${frequencyChannel(freq) ?? `at ${freq} MHz`}`,
    signal !== undefined && `${signal} dBm`,
    txPower !== undefined && `sent with ${txPower} dBm`,
    rate !== undefined && `${rate / 10} Mbit/s`,
    frame.retry && 'retry',
    retries > 0 && `${retries} ${retries === 1 ? 'retry' : 'retries'}`,
    (txFlags & radiotapTxFlags.FAILED) !== 0 && 'not acknowledged',
    frame.moreData && 'more data',
  ];
  return told.filter(each => typeof each === 'string');
}

/** In UTF-8; what a terminal could obey is escaped. */
function ssid(value: Uint8Array | undefined, none: string): string {
  if (!value || value.every(octet => octet === 0)) return none;
  const escaped = (character: string) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, '0')}`;
  return JSON.stringify(new TextDecoder().decode(value)).replace(/\p{C}/gu, escaped);
}

/** `ASSOCIATION_REQUEST` is told as "Association Request", `ACK` stays. */
function names(codes: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  const capital = (word: string) =>
    abbreviations.includes(word) ? word : word.charAt(0) + word.slice(1).toLowerCase();
  return new Map(Object.entries(codes).map(([name, code]) => [code, name.split('_').map(capital).join(' ')]));
}
