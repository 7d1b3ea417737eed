import { MAC_BYTES } from '../mac-address';
import { WireError } from '../wire-error';
import { encodeElements, Elements, type Element } from './elements';
import { le16, le32, putLe16, putLe64 } from '../little-endian';

/** Capability information (IEEE 802.11-2020 §9.4.1.4). */
export const capabilities = {
  ESS: 0x0001,
  IBSS: 0x0002,
  PRIVACY: 0x0010,
  SHORT_PREAMBLE: 0x0020,
  SPECTRUM_MANAGEMENT: 0x0100,
  QOS: 0x0200,
  SHORT_SLOT: 0x0400,
} as const;

/** §9.4.1.1. */
export const authenticationAlgorithms = { OPEN: 0, SHARED_KEY: 1, FAST_TRANSITION: 2, SAE: 3 } as const;

/** The two highest bits of an AID are set where it is sent (§9.4.1.8). */
const AID_MARK = 0xc000;

/** Bodies of management frames (§9.3.3). `elements` of an encoder's input are a list, of a reader's result a view. */
export interface BeaconFields {
  /** µs of the access point's clock (TSF). */
  timestamp: bigint;
  /** TU of 1.024 ms between two beacons. */
  interval: number;
  capabilities: number;
}
export interface AuthenticationFields {
  algorithm: number;
  transaction: number;
  status: number;
}
export interface AssociationRequestFields {
  capabilities: number;
  /** Beacon intervals between two at which the station listens when it sleeps. */
  listenInterval: number;
}
export interface ReassociationRequestFields extends AssociationRequestFields {
  /** BSSID of the access point that the station comes from. */
  currentAp: Uint8Array;
}
export interface AssociationResponseFields {
  capabilities: number;
  status: number;
  aid: number;
}
type Read<T> = T & { elements: Elements };

/** Of a beacon or probe response. @throws WireError when it is cut */
export function readBeacon(body: Uint8Array): Read<BeaconFields> {
  need(body, 12, 'beacon');
  return {
    timestamp: BigInt(le32(body, 0)) | (BigInt(le32(body, 4)) << 32n),
    interval: le16(body, 8),
    capabilities: le16(body, 10),
    elements: new Elements(body, 12),
  };
}

export function encodeBeacon(fields: BeaconFields, elements: readonly Element[]): Uint8Array {
  const fixed = new Uint8Array(12);
  putLe64(fixed, 0, fields.timestamp);
  putLe16(fixed, 8, fields.interval);
  putLe16(fixed, 10, fields.capabilities);
  return join(fixed, elements);
}

/** @throws WireError when it is cut */
export const readProbeRequest = (body: Uint8Array): Elements => new Elements(body);

/** @throws WireError when it is cut */
export function readAuthentication(body: Uint8Array): Read<AuthenticationFields> {
  need(body, 6, 'authentication');
  const [algorithm, transaction, status] = [le16(body, 0), le16(body, 2), le16(body, 4)];
  // What follows the fixed fields of SAE is no element.
  const isOpen = algorithm === authenticationAlgorithms.OPEN;
  return { algorithm, transaction, status, elements: new Elements(body, isOpen ? 6 : body.length) };
}

export function encodeAuthentication(
  fields: AuthenticationFields,
  elements: readonly Element[] = [],
): Uint8Array {
  const fixed = new Uint8Array(6);
  putLe16(fixed, 0, fields.algorithm);
  putLe16(fixed, 2, fields.transaction);
  putLe16(fixed, 4, fields.status);
  return join(fixed, elements);
}

/** @throws WireError when it is cut */
export function readAssociationRequest(body: Uint8Array): Read<AssociationRequestFields> {
  need(body, 4, 'association request');
  return { capabilities: le16(body, 0), listenInterval: le16(body, 2), elements: new Elements(body, 4) };
}

export function encodeAssociationRequest(
  fields: AssociationRequestFields,
  elements: readonly Element[],
): Uint8Array {
  const fixed = new Uint8Array(4);
  putLe16(fixed, 0, fields.capabilities);
  putLe16(fixed, 2, fields.listenInterval);
  return join(fixed, elements);
}

/** @throws WireError when it is cut */
export function readReassociationRequest(body: Uint8Array): Read<ReassociationRequestFields> {
  need(body, 4 + MAC_BYTES, 'reassociation request');
  return {
    capabilities: le16(body, 0),
    listenInterval: le16(body, 2),
    currentAp: body.subarray(4, 4 + MAC_BYTES),
    elements: new Elements(body, 4 + MAC_BYTES),
  };
}

export function encodeReassociationRequest(
  fields: ReassociationRequestFields,
  elements: readonly Element[],
): Uint8Array {
  const fixed = new Uint8Array(4 + MAC_BYTES);
  putLe16(fixed, 0, fields.capabilities);
  putLe16(fixed, 2, fields.listenInterval);
  fixed.set(fields.currentAp, 4);
  return join(fixed, elements);
}

/** Of an association or reassociation. @throws WireError when it is cut */
export function readAssociationResponse(body: Uint8Array): Read<AssociationResponseFields> {
  need(body, 6, 'association response');
  return {
    capabilities: le16(body, 0),
    status: le16(body, 2),
    aid: le16(body, 4) & ~AID_MARK,
    elements: new Elements(body, 6),
  };
}

export function encodeAssociationResponse(
  fields: AssociationResponseFields,
  elements: readonly Element[],
): Uint8Array {
  const fixed = new Uint8Array(6);
  putLe16(fixed, 0, fields.capabilities);
  putLe16(fixed, 2, fields.status);
  putLe16(fixed, 4, fields.aid === 0 ? 0 : fields.aid | AID_MARK);
  return join(fixed, elements);
}

/** The reason of a deauthentication or disassociation. @throws WireError when it is cut */
export function readReason(body: Uint8Array): number {
  need(body, 2, 'deauthentication');
  return le16(body, 0);
}

export function encodeReason(reason: number): Uint8Array {
  return Uint8Array.of(reason & 0xff, reason >> 8);
}

/** Whom an action is of, and which (§9.6); what it says is not looked at. @throws WireError when it is cut */
export function readAction(body: Uint8Array): { category: number; action: number; details: Uint8Array } {
  need(body, 2, 'action');
  return { category: body[0] as number, action: body[1] as number, details: body.subarray(2) };
}

export function encodeAction(category: number, action: number, details: Uint8Array): Uint8Array {
  return Uint8Array.of(category, action, ...details);
}

function join(fixed: Uint8Array, elements: readonly Element[]): Uint8Array {
  const encoded = encodeElements(elements);
  const body = new Uint8Array(fixed.length + encoded.length);
  body.set(fixed);
  body.set(encoded, fixed.length);
  return body;
}

function need(body: Uint8Array, length: number, name: string): void {
  if (body.length >= length) return;
  throw new WireError(`the ${name}'s fixed fields take ${length} bytes, there are ${body.length}`, 0);
}
