import { formatMac, isGroupMac, MAC_BYTES } from '../mac-address';
import { WireError } from '../wire-error';
import { le16, putLe16 } from '../little-endian';

/** IEEE 802.11-2020 §9.2.4.1.3, table 9-1. */
export const frameTypes = { MANAGEMENT: 0, CONTROL: 1, DATA: 2, EXTENSION: 3 } as const;

export const managementSubtypes = {
  ASSOCIATION_REQUEST: 0,
  ASSOCIATION_RESPONSE: 1,
  REASSOCIATION_REQUEST: 2,
  REASSOCIATION_RESPONSE: 3,
  PROBE_REQUEST: 4,
  PROBE_RESPONSE: 5,
  TIMING_ADVERTISEMENT: 6,
  BEACON: 8,
  ATIM: 9,
  DISASSOCIATION: 10,
  AUTHENTICATION: 11,
  DEAUTHENTICATION: 12,
  ACTION: 13,
  ACTION_NO_ACK: 14,
} as const;

export const controlSubtypes = {
  WRAPPER: 7,
  BLOCK_ACK_REQUEST: 8,
  BLOCK_ACK: 9,
  PS_POLL: 10,
  RTS: 11,
  CTS: 12,
  ACK: 13,
  CF_END: 14,
} as const;

/** `NULL` has no body: it tells the power-management bit. A QoS one has 8 added. */
export const dataSubtypes = { DATA: 0, NULL: 4, QOS_DATA: 8, QOS_NULL: 12 } as const;

/** Bits of the frame control field (§9.2.4.1). */
export const frameControl = {
  TO_DS: 0x0100,
  FROM_DS: 0x0200,
  MORE_FRAGMENTS: 0x0400,
  RETRY: 0x0800,
  POWER_MANAGEMENT: 0x1000,
  MORE_DATA: 0x2000,
  PROTECTED: 0x4000,
  ORDER: 0x8000,
} as const;

/** Of a management frame, and of a data frame without a fourth address and without QoS. */
export const IEEE80211_HEADER_BYTES = 24;
/** Frame control, duration, one address: ACK and CTS, the shortest there are. */
const SHORTEST_HEADER_BYTES = 10;
const TWO_ADDRESSES_BYTES = 16;
const ADDRESS_1 = 4;
const ADDRESS_2 = 10;
const ADDRESS_3 = 16;
const SEQUENCE_CONTROL = 22;
const ADDRESS_4 = 24;
const HT_CONTROL_BYTES = 4;
/** Subtype bits of data frames (§9.2.4.1.3). */
const NO_DATA_BIT = 4;
const QOS_BIT = 8;

/** A checked view of an 802.11 frame without FCS (IEEE 802.11-2020 §9.2). Nothing is copied. */
export class Ieee80211Frame {
  readonly control: number;
  readonly headerLength: number;

  /** @throws WireError when there is no whole header */
  private constructor(readonly bytes: Uint8Array) {
    need(bytes, SHORTEST_HEADER_BYTES);
    this.control = le16(bytes, 0);
    if ((this.control & 3) !== 0) {
      throw new WireError(`protocol version ${this.control & 3} is not 0`, 0);
    }
    this.headerLength = this.measureHeader();
    need(bytes, this.headerLength);
  }

  /** @throws WireError when there is no whole header, or it is of another protocol version */
  static read(bytes: Uint8Array): Ieee80211Frame {
    return new Ieee80211Frame(bytes);
  }

  get type(): number {
    return (this.control >> 2) & 3;
  }
  get subtype(): number {
    return (this.control >> 4) & 15;
  }
  get toDs(): boolean {
    return (this.control & frameControl.TO_DS) !== 0;
  }
  get fromDs(): boolean {
    return (this.control & frameControl.FROM_DS) !== 0;
  }
  get moreFragments(): boolean {
    return (this.control & frameControl.MORE_FRAGMENTS) !== 0;
  }
  get retry(): boolean {
    return (this.control & frameControl.RETRY) !== 0;
  }
  /** The transmitter sleeps after this frame. */
  get powerManagement(): boolean {
    return (this.control & frameControl.POWER_MANAGEMENT) !== 0;
  }
  get moreData(): boolean {
    return (this.control & frameControl.MORE_DATA) !== 0;
  }
  get protected(): boolean {
    return (this.control & frameControl.PROTECTED) !== 0;
  }
  get order(): boolean {
    return (this.control & frameControl.ORDER) !== 0;
  }
  /** µs; of a PS-Poll the AID with its two highest bits set. */
  get duration(): number {
    return le16(this.bytes, 2);
  }

  /** The receiver. */
  get addr1(): Uint8Array {
    return this.bytes.subarray(ADDRESS_1, ADDRESS_1 + MAC_BYTES);
  }
  /** The transmitter; empty where there is none (ACK, CTS). */
  get addr2(): Uint8Array {
    return this.addressAt(ADDRESS_2);
  }
  /** Empty in control frames. */
  get addr3(): Uint8Array {
    return this.addressAt(ADDRESS_3);
  }
  /** Of frames from one distribution system to another; else empty. */
  get addr4(): Uint8Array {
    return this.toDs && this.fromDs && this.isData ? this.addressAt(ADDRESS_4) : EMPTY;
  }
  /** `addr1` as text. */
  get receiver(): string {
    return formatMac(this.bytes, ADDRESS_1);
  }
  /** `addr2` as text; undefined where there is none. */
  get transmitter(): string | undefined {
    return this.headerLength >= TWO_ADDRESSES_BYTES ? formatMac(this.bytes, ADDRESS_2) : undefined;
  }
  /** Who the frame is for in the end, beyond an access point. */
  get destination(): Uint8Array {
    return this.isData && this.toDs ? this.addr3 : this.addr1;
  }
  /** Who sent it first, before an access point passed it on. */
  get source(): Uint8Array {
    if (!this.isData || !this.fromDs) return this.addr2;
    return this.toDs ? this.addr4 : this.addr3;
  }
  /** Of data frames of infrastructure and of management frames; else empty. */
  get bssid(): Uint8Array {
    if (!this.isData) return this.addr3;
    if (this.toDs) return this.fromDs ? EMPTY : this.addr1;
    return this.fromDs ? this.addr2 : this.addr3;
  }

  /** 0 to 4095; 0 in control frames, which have none. */
  get sequence(): number {
    return this.hasSequence ? le16(this.bytes, SEQUENCE_CONTROL) >> 4 : 0;
  }
  get fragment(): number {
    return this.hasSequence ? le16(this.bytes, SEQUENCE_CONTROL) & 15 : 0;
  }
  get hasSequence(): boolean {
    return this.headerLength >= IEEE80211_HEADER_BYTES;
  }
  /** Traffic identifier, 0 to 15; undefined without QoS. */
  get tid(): number | undefined {
    return this.isQos ? (this.bytes[this.qosAt] as number) & 15 : undefined;
  }
  /** Whether the body is an aggregate of MSDUs. */
  get isAmsdu(): boolean {
    return this.isQos && ((this.bytes[this.qosAt] as number) & 0x80) !== 0;
  }
  get body(): Uint8Array {
    return this.bytes.subarray(this.headerLength);
  }

  get isManagement(): boolean {
    return this.type === frameTypes.MANAGEMENT;
  }
  get isControl(): boolean {
    return this.type === frameTypes.CONTROL;
  }
  get isData(): boolean {
    return this.type === frameTypes.DATA;
  }
  get isQos(): boolean {
    return this.isData && (this.subtype & QOS_BIT) !== 0;
  }
  /** A data frame without a body, QoS or not. */
  get isNull(): boolean {
    return this.isData && (this.subtype & NO_DATA_BIT) !== 0;
  }
  get isBeacon(): boolean {
    return this.isManagement && this.subtype === managementSubtypes.BEACON;
  }
  get isProbeRequest(): boolean {
    return this.isManagement && this.subtype === managementSubtypes.PROBE_REQUEST;
  }
  get isProbeResponse(): boolean {
    return this.isManagement && this.subtype === managementSubtypes.PROBE_RESPONSE;
  }
  get isPsPoll(): boolean {
    return this.isControl && this.subtype === controlSubtypes.PS_POLL;
  }
  /** For everybody or a group: nobody acknowledges it. */
  get isGroupAddressed(): boolean {
    return isGroupMac(this.bytes, ADDRESS_1);
  }

  private get qosAt(): number {
    return this.toDs && this.fromDs ? ADDRESS_4 + MAC_BYTES : ADDRESS_4;
  }

  private addressAt(at: number): Uint8Array {
    return at + MAC_BYTES <= this.headerLength ? this.bytes.subarray(at, at + MAC_BYTES) : EMPTY;
  }

  private measureHeader(): number {
    if (this.isControl) {
      const { ACK, CTS, WRAPPER } = controlSubtypes;
      const short = this.subtype === ACK || this.subtype === CTS || this.subtype === WRAPPER;
      return short ? SHORTEST_HEADER_BYTES : TWO_ADDRESSES_BYTES;
    }
    if (this.isManagement) return IEEE80211_HEADER_BYTES + (this.order ? HT_CONTROL_BYTES : 0);
    if (!this.isData) return SHORTEST_HEADER_BYTES;
    let length = IEEE80211_HEADER_BYTES + (this.toDs && this.fromDs ? MAC_BYTES : 0);
    if (this.isQos) length += 2 + (this.order ? HT_CONTROL_BYTES : 0);
    return length;
  }
}

export interface Ieee80211Fields {
  type: number;
  subtype: number;
  /** Bits of `frameControl`. */
  flags?: number;
  /** µs; of a PS-Poll the AID. */
  duration?: number;
  addr1: Uint8Array;
  addr2: Uint8Array;
  addr3: Uint8Array;
  /** Modulo 4096. */
  sequence?: number;
  fragment?: number;
  /** Of QoS data: the traffic identifier. */
  tid?: number;
}

/** A management or data frame of three addresses: header, room for the QoS field if the subtype has one, body. */
export function ieee80211Frame(fields: Ieee80211Fields, body: Uint8Array = EMPTY): Uint8Array {
  const isQos = fields.type === frameTypes.DATA && (fields.subtype & QOS_BIT) !== 0;
  const headerLength = IEEE80211_HEADER_BYTES + (isQos ? 2 : 0);
  const bytes = new Uint8Array(headerLength + body.length);
  putLe16(bytes, 0, (fields.type << 2) | (fields.subtype << 4) | (fields.flags ?? 0));
  putLe16(bytes, 2, fields.duration ?? 0);
  bytes.set(fields.addr1, ADDRESS_1);
  bytes.set(fields.addr2, ADDRESS_2);
  bytes.set(fields.addr3, ADDRESS_3);
  putLe16(bytes, SEQUENCE_CONTROL, ((fields.sequence ?? 0) << 4) | (fields.fragment ?? 0));
  if (isQos) bytes[ADDRESS_4] = fields.tid ?? 0;
  bytes.set(body, headerLength);
  return bytes;
}

/** Sets or clears bits of `frameControl` where the frame stands. */
export function setFrameControl(frame: Uint8Array, bits: number, on: boolean): void {
  const control = le16(frame, 0);
  putLe16(frame, 0, on ? control | bits : control & ~bits);
}

const EMPTY = new Uint8Array(0);

function need(bytes: Uint8Array, length: number): void {
  if (bytes.length >= length) return;
  throw new WireError(`an 802.11 header of this kind takes ${length} bytes, there are ${bytes.length}`, 0);
}
