import {
  cookieValue,
  hwsimFlags,
  rateFlagTable,
  rateTable,
  readCookie,
  readRates,
  type HwsimFrame,
  type HwsimMacUse,
  type HwsimReception,
  type HwsimTxStatus,
} from './hwsim';
import { HwsimAttributes, hwsimCommands, hwsimMessage, hwsimU32 } from './hwsim-attributes';
import { WireError } from './wire-error';

/** The guest's side of hwsim: what its driver sends and how it reads what it gets. */

export function encodeMacUse({ kind, radio, address }: HwsimMacUse): Uint8Array<ArrayBuffer> {
  const command = kind === 'addMac' ? hwsimCommands.ADD_MAC_ADDR : hwsimCommands.DEL_MAC_ADDR;
  return hwsimMessage(command, [
    ['ADDR_TRANSMITTER', radio],
    ['ADDR_RECEIVER', address],
  ]);
}

/** @throws WireError for more than four rates */
export function encodeTransmitted(frame: Omit<HwsimFrame, 'kind'>): Uint8Array<ArrayBuffer> {
  return hwsimMessage(hwsimCommands.FRAME, [
    ['ADDR_TRANSMITTER', frame.radio],
    ['FRAME', frame.frame],
    ['FLAGS', hwsimU32(frame.flags)],
    ['FREQ', hwsimU32(frame.freq)],
    ['TX_INFO', rateTable(frame.rates)],
    ['TX_INFO_FLAGS', rateFlagTable(frame.rates)],
    ['COOKIE', cookieValue(frame.cookie)],
  ]);
}

export type HwsimToGuest = ({ kind: 'received' } & HwsimReception) | ({ kind: 'txStatus' } & HwsimTxStatus);

/** @throws WireError when it is nothing that a guest gets, or cut, or an attribute is missing */
export function decodeToGuest(bytes: Uint8Array): HwsimToGuest {
  const message = new HwsimAttributes(bytes);
  switch (message.command) {
    case hwsimCommands.FRAME:
      return {
        kind: 'received',
        radio: message.get('ADDR_RECEIVER'),
        frame: message.get('FRAME'),
        rate: message.u32('RX_RATE'),
        signal: message.u32('SIGNAL') | 0,
        freq: message.u32('FREQ'),
      };
    case hwsimCommands.TX_INFO_FRAME: {
      const flags = message.u32('FLAGS');
      return {
        kind: 'txStatus',
        radio: message.get('ADDR_TRANSMITTER'),
        flags,
        cookie: readCookie(message.get('COOKIE')),
        signal: message.u32('SIGNAL') | 0,
        rates: readRates(message.get('TX_INFO')),
        acked: (flags & hwsimFlags.STAT_ACK) !== 0,
      };
    }
    default:
      throw new WireError(`command ${message.command} is none that a guest gets`, 16);
  }
}
