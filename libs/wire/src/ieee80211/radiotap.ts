import { WireError } from '../wire-error';
import { le16, le32, putLe16, putLe32, putLe64 } from '../little-endian';

/** Link type of captures whose packets begin with a radiotap header (LINKTYPE_IEEE802_11_RADIOTAP). */
export const RADIOTAP_LINK_TYPE = 127;

/** https://www.radiotap.org/fields/Flags */
export const radiotapFlags = {
  SHORT_PREAMBLE: 0x02,
  WEP: 0x04,
  FRAGMENT: 0x08,
  FCS: 0x10,
  BAD_FCS: 0x40,
} as const;

/** https://www.radiotap.org/fields/TX%20flags */
export const radiotapTxFlags = { FAILED: 0x0001, NO_ACK: 0x0008 } as const;

/** What is known of a captured 802.11 frame. */
export interface Radiotap {
  /** µs; when the frame's first bit was sent. */
  timestamp?: bigint;
  flags?: number;
  /** In 100 kbit/s; at most 1275. */
  rate?: number;
  /** MHz. */
  freq?: number;
  /** dBm. */
  signal?: number;
  /** dBm. */
  noise?: number;
  /** dBm that it was sent with. */
  txPower?: number;
  /** Which of several heard or sent it, from 0. */
  antenna?: number;
  /** Of a frame that was sent, not received. */
  txFlags?: number;
  /** Attempts after the first. */
  retries?: number;
}

/** Alignment and size of each field by its bit (radiotap.org); those of bits that are not here are not known. */
const FIELDS: readonly [align: number, size: number][] = [
  [8, 8],
  [1, 1],
  [1, 1],
  [2, 4],
  [2, 2],
  [1, 1],
  [1, 1],
  [2, 2],
  [2, 2],
  [2, 2],
  [1, 1],
  [1, 1],
  [1, 1],
  [1, 1],
  [2, 2],
  [2, 2],
  [1, 1],
  [1, 1],
];
const bits = {
  TSFT: 0,
  FLAGS: 1,
  RATE: 2,
  CHANNEL: 3,
  SIGNAL: 5,
  NOISE: 6,
  TX_POWER: 10,
  ANTENNA: 11,
  TX_FLAGS: 15,
  RETRIES: 17,
} as const;
const MORE_WORDS = 0x8000_0000;
/** Version, padding, length, first word of present bits. */
const FIXED_BYTES = 8;
const channelFlags = { CCK: 0x0020, OFDM: 0x0040, GHZ_2: 0x0080, GHZ_5: 0x0100 } as const;
const CCK_RATES: readonly number[] = [10, 20, 55, 110];

/** The header that goes in front of the frame; fields that are undefined are not in it. */
export function encodeRadiotap(known: Radiotap): Uint8Array {
  const bytes = new Uint8Array(64);
  let present = 0;
  let at = FIXED_BYTES;
  const put = (bit: number, value: unknown, write: (at: number) => void) => {
    if (value === undefined) return;
    const [align, size] = FIELDS[bit] as [number, number];
    at = aligned(at, align);
    present |= 1 << bit;
    write(at);
    at += size;
  };
  put(bits.TSFT, known.timestamp, at => putLe64(bytes, at, known.timestamp as bigint));
  put(bits.FLAGS, known.flags, at => (bytes[at] = known.flags as number));
  put(bits.RATE, known.rate, at => (bytes[at] = (known.rate as number) / 5));
  put(bits.CHANNEL, known.freq, at => {
    const freq = known.freq as number;
    const modulation = CCK_RATES.includes(known.rate ?? 0) ? channelFlags.CCK : channelFlags.OFDM;
    putLe16(bytes, at, freq);
    putLe16(bytes, at + 2, (freq < 3000 ? channelFlags.GHZ_2 : channelFlags.GHZ_5) | modulation);
  });
  put(bits.SIGNAL, known.signal, at => (bytes[at] = toDbm(known.signal as number)));
  put(bits.NOISE, known.noise, at => (bytes[at] = toDbm(known.noise as number)));
  put(bits.TX_POWER, known.txPower, at => (bytes[at] = toDbm(known.txPower as number)));
  put(bits.ANTENNA, known.antenna, at => (bytes[at] = known.antenna as number));
  put(bits.TX_FLAGS, known.txFlags, at => putLe16(bytes, at, known.txFlags as number));
  put(bits.RETRIES, known.retries, at => (bytes[at] = Math.min(255, known.retries as number)));
  putLe16(bytes, 2, at);
  putLe32(bytes, 4, present >>> 0);
  return bytes.slice(0, at);
}

/**
 * What the header in front of a frame says, and where the frame begins. Fields behind one that is not known are not read.
 * @throws WireError when it is cut or of another version
 */
export function readRadiotap(bytes: Uint8Array): Radiotap & { length: number } {
  if (bytes.length < FIXED_BYTES || bytes[0] !== 0) {
    throw new WireError('a radiotap header has version 0 and at least 8 bytes', 0);
  }
  const length = le16(bytes, 2);
  if (length < FIXED_BYTES || length > bytes.length) {
    throw new WireError(`the radiotap header gives itself ${length} bytes, there are ${bytes.length}`, 2);
  }
  const present = le32(bytes, 4);
  let at = FIXED_BYTES;
  for (let word = present; word >= MORE_WORDS; at += 4) {
    if (at + 4 > length) throw new WireError('the present bits are cut', at);
    word = le32(bytes, at);
  }
  const known: Radiotap & { length: number } = { length };
  for (let bit = 0; bit < FIELDS.length; bit++) {
    if (((present >>> bit) & 1) === 0) continue;
    const [align, size] = FIELDS[bit] as [number, number];
    at = aligned(at, align);
    if (at + size > length) throw new WireError(`field ${bit} is cut`, at);
    readField(known, bit, bytes, at);
    at += size;
  }
  return known;
}

function readField(known: Radiotap, bit: number, bytes: Uint8Array, at: number): void {
  const octet = bytes[at] as number;
  if (bit === bits.TSFT) known.timestamp = BigInt(le32(bytes, at)) | (BigInt(le32(bytes, at + 4)) << 32n);
  else if (bit === bits.FLAGS) known.flags = octet;
  else if (bit === bits.RATE) known.rate = octet * 5;
  else if (bit === bits.CHANNEL) known.freq = le16(bytes, at);
  else if (bit === bits.SIGNAL) known.signal = fromDbm(octet);
  else if (bit === bits.NOISE) known.noise = fromDbm(octet);
  else if (bit === bits.TX_POWER) known.txPower = fromDbm(octet);
  else if (bit === bits.ANTENNA) known.antenna = octet;
  else if (bit === bits.TX_FLAGS) known.txFlags = le16(bytes, at);
  else if (bit === bits.RETRIES) known.retries = octet;
}

const toDbm = (value: number): number => Math.min(127, Math.max(-128, Math.round(value)));
const fromDbm = (octet: number): number => (octet << 24) >> 24;
const aligned = (at: number, align: number): number => Math.ceil(at / align) * align;
