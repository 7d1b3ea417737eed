import { encodeTxStatus, type HwsimFrame, type Ieee80211Frame } from '@v3vee/wire';
import type { TxStatus } from '../antenna';
import { usedRates } from './hwsim-rates';
import type { Station } from './station';

/** A guest's frame on its way to the air. */
export interface Outgoing {
  station: Station;
  message: HwsimFrame;
  frame: Ieee80211Frame;
  /** A probe request that is of no use after this, in ms. */
  expires?: number;
  /** It is on the air. */
  isSent?: boolean;
}

const NOT_SENT: TxStatus = { acked: false, tries: 0, rate: 0, airtime: 0, signal: 0 };

/** The one answer that the guest's driver waits for. */
export function answer(message: HwsimFrame, status: TxStatus = NOT_SENT): Uint8Array {
  return encodeTxStatus({
    radio: message.radio,
    flags: message.flags,
    cookie: message.cookie,
    signal: status.signal,
    rates: usedRates(message.rates, status.tries),
    acked: status.acked,
  });
}
