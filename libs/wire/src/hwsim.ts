import { HWSIM_MAX_RATES, HwsimAttributes, hwsimCommands, hwsimMessage, hwsimU32 } from './hwsim-attributes';
import { le16, le32, putLe16, putLe32 } from './little-endian';
import { WireError } from './wire-error';

/**
 * What Linux's mac80211_hwsim says to the medium and hears from it over virtio (device 29): generic netlink
 * messages, little endian. The shapes are those of Linux 6.1's drivers/net/wireless/mac80211_hwsim.c.
 */
export type HwsimMessage = HwsimMacUse | HwsimFrame;

/**
 * The guest began or ceased to use an address on a radio. It says so per user: an interface and a scan of it begin
 * the same address twice, and it is in use until both ceased.
 */
export interface HwsimMacUse {
  kind: 'addMac' | 'delMac';
  /** The radio's own name, 42:00:00:00:nn:00. */
  radio: Uint8Array;
  address: Uint8Array;
}

/** The guest transmits; the answer is owed ({@link encodeTxStatus}): its driver stops when too many wait for one. */
export interface HwsimFrame {
  kind: 'frame';
  radio: Uint8Array;
  /** 802.11 without FCS; not copied, of any length. */
  frame: Uint8Array;
  /** {@link hwsimFlags} */
  flags: number;
  /** By which the driver knows the frame again. */
  cookie: bigint;
  /** MHz. */
  freq: number;
  /** One after the other, each as often as it says; at most four. */
  rates: HwsimRate[];
}

/** A stage of mac80211's rate table. */
export interface HwsimRate {
  /** In the band's legacy rates, or the MCS if the flag says so. */
  index: number;
  /** Attempts. */
  count: number;
  /** {@link hwsimRateFlags}; none by default. */
  flags?: number;
}

/** `HWSIM_TX_CTL_*` and `HWSIM_TX_STAT_ACK`. */
export const hwsimFlags = { REQ_STATUS: 1, NO_ACK: 2, STAT_ACK: 4 } as const;

/** `MAC80211_HWSIM_TX_RC_*`. */
export const hwsimRateFlags = {
  USE_RTS_CTS: 0x1,
  USE_CTS_PROTECT: 0x2,
  SHORT_PREAMBLE: 0x4,
  MCS: 0x8,
  GREEN_FIELD: 0x10,
  WIDTH_40: 0x20,
  DUP_DATA: 0x40,
  SHORT_GI: 0x80,
  VHT_MCS: 0x100,
  WIDTH_80: 0x200,
  WIDTH_160: 0x400,
} as const;

/** What arrives at a radio of the guest. */
export interface HwsimReception {
  radio: Uint8Array;
  /** 802.11 without FCS; Linux takes 24 to 2352 bytes. */
  frame: Uint8Array;
  /** Index in the band's legacy rates. */
  rate: number;
  /** dBm. */
  signal: number;
  /** MHz; a radio that is on another channel ignores the frame. */
  freq: number;
}

/** What became of a {@link HwsimFrame}. */
export interface HwsimTxStatus {
  radio: Uint8Array;
  /** As in the frame. */
  flags: number;
  cookie: bigint;
  /** dBm of the acknowledgement. */
  signal: number;
  /** The attempts that were made, at most four stages. */
  rates: readonly HwsimRate[];
  acked: boolean;
}

/** @throws WireError when it is none of the guest's messages, or cut, or an attribute is missing */
export function decodeHwsim(bytes: Uint8Array): HwsimMessage {
  const message = new HwsimAttributes(bytes);
  const radio = () => message.get('ADDR_TRANSMITTER');
  switch (message.command) {
    case hwsimCommands.ADD_MAC_ADDR:
      return { kind: 'addMac', radio: radio(), address: message.get('ADDR_RECEIVER') };
    case hwsimCommands.DEL_MAC_ADDR:
      return { kind: 'delMac', radio: radio(), address: message.get('ADDR_RECEIVER') };
    case hwsimCommands.FRAME:
      return {
        kind: 'frame',
        radio: radio(),
        frame: message.get('FRAME'),
        flags: message.u32('FLAGS'),
        cookie: readCookie(message.get('COOKIE')),
        freq: message.u32('FREQ'),
        rates: readRates(message.get('TX_INFO'), message.find('TX_INFO_FLAGS')),
      };
    default:
      throw new WireError(`command ${message.command} is none that a guest sends`, 16);
  }
}

export function encodeReceived({
  radio,
  frame,
  rate,
  signal,
  freq,
}: HwsimReception): Uint8Array<ArrayBuffer> {
  return hwsimMessage(hwsimCommands.FRAME, [
    ['ADDR_RECEIVER', radio],
    ['FRAME', frame],
    ['RX_RATE', hwsimU32(rate)],
    ['SIGNAL', hwsimU32(signal)],
    ['FREQ', hwsimU32(freq)],
  ]);
}

/** @throws WireError for more than four rates */
export function encodeTxStatus(status: HwsimTxStatus): Uint8Array<ArrayBuffer> {
  const flags = (status.flags & ~hwsimFlags.STAT_ACK) | (status.acked ? hwsimFlags.STAT_ACK : 0);
  return hwsimMessage(hwsimCommands.TX_INFO_FRAME, [
    ['ADDR_TRANSMITTER', status.radio],
    ['FLAGS', hwsimU32(flags)],
    ['COOKIE', cookieValue(status.cookie)],
    ['SIGNAL', hwsimU32(status.signal)],
    ['TX_INFO', rateTable(status.rates)],
  ]);
}

/** `struct hwsim_tx_rate[4]`: the stages up to the first that is none. */
export function readRates(table: Uint8Array, flags?: Uint8Array): HwsimRate[] {
  const rates: HwsimRate[] = [];
  for (let i = 0; i < HWSIM_MAX_RATES; i++) {
    const index = table[2 * i] as number;
    if (index > 0x7f) break;
    rates.push({
      index,
      count: table[2 * i + 1] as number,
      // `struct hwsim_tx_rate_flag[4]`, packed: index s8, flags u16
      flags: flags ? le16(flags, 3 * i + 1) : 0,
    });
  }
  return rates;
}

/** @throws WireError for more than four rates */
export function rateTable(rates: readonly HwsimRate[]): Uint8Array {
  requireFew(rates);
  const table = new Uint8Array(2 * HWSIM_MAX_RATES);
  for (let i = 0; i < HWSIM_MAX_RATES; i++) {
    table[2 * i] = rates[i]?.index ?? NO_RATE;
    table[2 * i + 1] = rates[i]?.count ?? 0;
  }
  return table;
}

/** @throws WireError for more than four rates */
export function rateFlagTable(rates: readonly HwsimRate[]): Uint8Array {
  requireFew(rates);
  const table = new Uint8Array(3 * HWSIM_MAX_RATES);
  for (let i = 0; i < HWSIM_MAX_RATES; i++) {
    table[3 * i] = rates[i]?.index ?? NO_RATE;
    putLe16(table, 3 * i + 1, rates[i]?.flags ?? 0);
  }
  return table;
}

/** −1. */
const NO_RATE = 0xff;

function requireFew(rates: readonly HwsimRate[]): void {
  if (rates.length <= HWSIM_MAX_RATES) return;
  throw new WireError(`${rates.length} rates; a frame has at most ${HWSIM_MAX_RATES}`, 0);
}

export function readCookie(value: Uint8Array): bigint {
  return (BigInt(le32(value, 4)) << 32n) | BigInt(le32(value, 0));
}

export function cookieValue(cookie: bigint): Uint8Array {
  const value = new Uint8Array(8);
  putLe32(value, 0, Number(cookie & 0xffff_ffffn));
  putLe32(value, 4, Number((cookie >> 32n) & 0xffff_ffffn));
  return value;
}
