import { putU16, putU32, u16, u32 } from './big-endian';
import { MAC_BYTES } from './mac-address';
import { WireError } from './wire-error';

export const dhcpPorts = { SERVER: 67, CLIENT: 68 } as const;

/** Option 53 (RFC 2132 §9.6). */
export const dhcpTypes = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const;

/** Codes of the options that are used here (RFC 2132). */
export const dhcpOptions = {
  SUBNET_MASK: 1,
  DNS_SERVERS: 6,
  HOST_NAME: 12,
  DOMAIN_NAME: 15,
  INTERFACE_MTU: 26,
  BROADCAST_ADDRESS: 28,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  OVERLOAD: 52,
  MESSAGE_TYPE: 53,
  SERVER_ID: 54,
  MESSAGE: 56,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  CLIENT_ID: 61,
} as const;

/** A DHCP message (RFC 2131 §2). Addresses as numbers, 0 for none. */
export interface DhcpMessage {
  /** 1 from a client, 2 from a server. */
  op: number;
  /** Chosen by the client; the answer has the same. */
  transaction: number;
  /** Whether the client can hear broadcasts only. */
  broadcast: boolean;
  clientAddress: number;
  yourAddress: number;
  /** Of the relay agent that passed it on. */
  relayAddress: number;
  clientMac: Uint8Array;
  /** By code; what was split into several is joined (RFC 3396). */
  options: Map<number, Uint8Array>;
}

const FIXED_BYTES = 236;
const SNAME = { start: 44, end: 108 };
const FILE = { start: 108, end: 236 };
const MAGIC_COOKIE = 0x63825363;
/** What BOOTP's messages had; some clients refuse shorter ones. */
const MIN_MESSAGE_BYTES = 300;
/** More than Ethernet carries is no client's; it bounds the work of reading one. */
const MAX_MESSAGE_BYTES = 1500;
const PAD = 0;
const END = 255;
const BROADCAST_FLAG = 0x8000;

/** @throws WireError when it is no DHCP message for Ethernet, or an option is cut */
export function parseDhcp(bytes: Uint8Array): DhcpMessage {
  if (bytes.length < FIXED_BYTES + 4 || bytes.length > MAX_MESSAGE_BYTES) {
    const range = `${FIXED_BYTES + 4} to ${MAX_MESSAGE_BYTES}`;
    throw new WireError(`a DHCP message has ${range} bytes, not ${bytes.length}`, 0);
  }
  if (bytes[1] !== 1 || bytes[2] !== MAC_BYTES) {
    throw new WireError(`hardware type ${bytes[1]} with ${bytes[2]} octets is not Ethernet`, 1);
  }
  if (u32(bytes, FIXED_BYTES) !== MAGIC_COOKIE) {
    throw new WireError('the magic cookie 99.130.83.99 of DHCP is missing', FIXED_BYTES);
  }
  const options = new Map<number, Uint8Array>();
  readOptions(bytes, FIXED_BYTES + 4, bytes.length, options);
  const overload = options.get(dhcpOptions.OVERLOAD)?.[0] ?? 0;
  if (overload & 1) readOptions(bytes, FILE.start, FILE.end, options);
  if (overload & 2) readOptions(bytes, SNAME.start, SNAME.end, options);
  return {
    op: bytes[0] as number,
    transaction: u32(bytes, 4),
    broadcast: (u16(bytes, 10) & BROADCAST_FLAG) !== 0,
    clientAddress: u32(bytes, 12),
    yourAddress: u32(bytes, 16),
    relayAddress: u32(bytes, 24),
    clientMac: bytes.subarray(28, 28 + MAC_BYTES),
    options,
  };
}

/** @throws WireError for an option of more than 255 bytes */
export function encodeDhcp(message: DhcpMessage): Uint8Array {
  let length = FIXED_BYTES + 4 + 1;
  for (const [code, value] of message.options) {
    if (value.length > 255) throw new WireError(`option ${code} has ${value.length} bytes, at most 255`, 0);
    length += 2 + value.length;
  }
  const bytes = new Uint8Array(Math.max(length, MIN_MESSAGE_BYTES));
  bytes.set([message.op, 1, MAC_BYTES]);
  putU32(bytes, 4, message.transaction);
  putU16(bytes, 10, message.broadcast ? BROADCAST_FLAG : 0);
  putU32(bytes, 12, message.clientAddress);
  putU32(bytes, 16, message.yourAddress);
  putU32(bytes, 24, message.relayAddress);
  bytes.set(message.clientMac, 28);
  putU32(bytes, FIXED_BYTES, MAGIC_COOKIE);
  let at = FIXED_BYTES + 4;
  for (const [code, value] of message.options) {
    bytes.set([code, value.length], at);
    bytes.set(value, at + 2);
    at += 2 + value.length;
  }
  bytes[at] = END;
  return bytes;
}

/** The value of an option that is one address or number; undefined when it is absent or has another length. */
export function dhcpNumber(options: DhcpMessage['options'], code: number): number | undefined {
  const value = options.get(code);
  return value?.length === 4 ? u32(value, 0) : undefined;
}

/** The value of an option that is one address or number. */
export function dhcpValue(number: number): Uint8Array {
  const value = new Uint8Array(4);
  putU32(value, 0, number);
  return value;
}

function readOptions(bytes: Uint8Array, start: number, end: number, options: Map<number, Uint8Array>): void {
  for (let at = start; at < end && bytes[at] !== END;) {
    const code = bytes[at] as number;
    if (code === PAD) {
      at++;
      continue;
    }
    const length = bytes[at + 1];
    if (at + 1 >= end || length === undefined || at + 2 + length > end) {
      throw new WireError(`option ${code} is cut`, at);
    }
    const part = bytes.subarray(at + 2, at + 2 + length);
    const before = options.get(code);
    options.set(code, before ? Uint8Array.from([...before, ...part]) : part);
    at += 2 + length;
  }
}
