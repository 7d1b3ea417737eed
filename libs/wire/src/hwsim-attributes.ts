import { le16, le32, putLe16, putLe32 } from './little-endian';
import { MAC_BYTES } from './mac-address';
import { WireError } from './wire-error';

/** `HWSIM_CMD_*`, Linux drivers/net/wireless/mac80211_hwsim.h; those that cross virtio. */
export const hwsimCommands = { FRAME: 2, TX_INFO_FRAME: 3, ADD_MAC_ADDR: 7, DEL_MAC_ADDR: 8 } as const;

/** `HWSIM_ATTR_*` with their sizes in bytes; `FRAME` has any. */
export const hwsimAttributes = {
  ADDR_RECEIVER: 1,
  ADDR_TRANSMITTER: 2,
  FRAME: 3,
  FLAGS: 4,
  RX_RATE: 5,
  SIGNAL: 6,
  TX_INFO: 7,
  COOKIE: 8,
  FREQ: 19,
  TX_INFO_FLAGS: 21,
} as const;
export type HwsimAttribute = keyof typeof hwsimAttributes;

/** `IEEE80211_TX_MAX_RATES`. */
export const HWSIM_MAX_RATES = 4;
/** `nlmsghdr` and `genlmsghdr`. */
export const HWSIM_HEADER_BYTES = 20;

const SIZES: Record<Exclude<HwsimAttribute, 'FRAME'>, number> = {
  ADDR_RECEIVER: MAC_BYTES,
  ADDR_TRANSMITTER: MAC_BYTES,
  FLAGS: 4,
  RX_RATE: 4,
  SIGNAL: 4,
  TX_INFO: 2 * HWSIM_MAX_RATES,
  COOKIE: 8,
  FREQ: 4,
  TX_INFO_FLAGS: 3 * HWSIM_MAX_RATES,
};
const ATTRIBUTE_HEADER_BYTES = 4;
/** Without the bits `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`. */
const ATTRIBUTE_TYPE = 0x3fff;
const MAX_ATTRIBUTE = hwsimAttributes.TX_INFO_FLAGS;
const VERSION = 1;
/** Dynamic in Linux, and not looked at by its driver: `GENL_MIN_ID`. */
const FAMILY = 0x10;

/** The command of a message that has a header. */
export const hwsimCommand = (message: Uint8Array): number => message[16] as number;

/** A netlink message of hwsim, walked once; attributes are found where they stand. */
export class HwsimAttributes {
  readonly command: number;
  /** Where each attribute's value starts, 0 for absent, and how long it is. As in Linux, the last of a kind counts. */
  private readonly starts = new Uint16Array(MAX_ATTRIBUTE + 1);
  private readonly lengths = new Uint16Array(MAX_ATTRIBUTE + 1);

  /** @throws WireError when the message or an attribute is cut */
  constructor(private readonly bytes: Uint8Array) {
    if (bytes.length < HWSIM_HEADER_BYTES || bytes.length > 0xffff) {
      throw new WireError(
        `a hwsim message has ${HWSIM_HEADER_BYTES} to 65535 bytes, there are ${bytes.length}`,
        0,
      );
    }
    const end = le32(bytes, 0);
    if (end < HWSIM_HEADER_BYTES || end > bytes.length) {
      throw new WireError(`a message of ${end} bytes where ${bytes.length} are`, 0);
    }
    this.command = hwsimCommand(bytes);
    for (let at = HWSIM_HEADER_BYTES; at < end;) {
      const length = at + ATTRIBUTE_HEADER_BYTES <= end ? le16(bytes, at) : 0;
      if (length < ATTRIBUTE_HEADER_BYTES || at + length > end)
        throw new WireError('an attribute is cut', at);
      const type = le16(bytes, at + 2) & ATTRIBUTE_TYPE;
      if (type <= MAX_ATTRIBUTE) {
        this.starts[type] = at + ATTRIBUTE_HEADER_BYTES;
        this.lengths[type] = length - ATTRIBUTE_HEADER_BYTES;
      }
      at += align(length);
    }
  }

  /** The value, not copied. @throws WireError when it is absent or has another length */
  get(name: HwsimAttribute): Uint8Array {
    const value = this.find(name);
    if (!value) throw new WireError(`command ${this.command} without ${name}`, HWSIM_HEADER_BYTES);
    return value;
  }

  /** The value, not copied; undefined when it is absent. @throws WireError when it has another length */
  find(name: HwsimAttribute): Uint8Array | undefined {
    const type = hwsimAttributes[name];
    const start = this.starts[type] as number;
    const length = this.lengths[type] as number;
    if (start === 0) return undefined;
    if (name !== 'FRAME' && length !== SIZES[name]) {
      throw new WireError(`${name} has ${length} bytes instead of ${SIZES[name]}`, start);
    }
    return this.bytes.subarray(start, start + length);
  }

  /** @throws WireError when it is absent or has another length than four bytes */
  u32(name: 'FLAGS' | 'RX_RATE' | 'SIGNAL' | 'FREQ'): number {
    return le32(this.get(name), 0);
  }
}

/** One message with the given attributes, in their order. @throws WireError when a value has a wrong length */
export function hwsimMessage(
  command: number,
  attributes: readonly (readonly [HwsimAttribute, Uint8Array])[],
): Uint8Array<ArrayBuffer> {
  let length = HWSIM_HEADER_BYTES;
  for (const [name, value] of attributes) {
    if (name !== 'FRAME' && value.length !== SIZES[name]) {
      throw new WireError(`${name} has ${value.length} bytes instead of ${SIZES[name]}`, length);
    }
    length += align(ATTRIBUTE_HEADER_BYTES + value.length);
  }
  if (length > 0xffff) throw new WireError(`a message of ${length} bytes; one has at most 65535`, 0);
  const bytes = new Uint8Array(length);
  putLe32(bytes, 0, length);
  putLe16(bytes, 4, FAMILY);
  bytes[16] = command;
  bytes[17] = VERSION;
  let at = HWSIM_HEADER_BYTES;
  for (const [name, value] of attributes) {
    putLe16(bytes, at, ATTRIBUTE_HEADER_BYTES + value.length);
    putLe16(bytes, at + 2, hwsimAttributes[name]);
    bytes.set(value, at + ATTRIBUTE_HEADER_BYTES);
    at += align(ATTRIBUTE_HEADER_BYTES + value.length);
  }
  return bytes;
}

/** The value of a 32-bit attribute; of a negative number its two's complement. */
export function hwsimU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  putLe32(bytes, 0, value);
  return bytes;
}

const align = (length: number) => (length + 3) & ~3;
