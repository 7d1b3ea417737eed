/** What was sent. */
export interface Account {
  /** Frames whose transmission is over. */
  frames: number;
  /** Of those frames, without FCS. */
  bytes: number;
  /** Attempts behind the first. */
  retries: number;
  /** Unicast frames that nobody acknowledged. */
  failed: number;
  /** µs of the medium: DIFS, backoff, frames, gaps and acknowledgements of all attempts. */
  airtime: number;
}

/** Of an antenna. */
export interface AntennaAccount extends Account {
  /** Frames that arrived and were for it or for a group. */
  received: number;
  receivedBytes: number;
  /** Frames that were not sent: too many waited, or there is no such channel. */
  dropped: number;
}

export interface SentFrame {
  bytes: number;
  tries: number;
  acked: boolean;
  group: boolean;
  airtime: number;
}

/** Transmitters that an antenna's account keeps apart; the one that has been there longest gives way. */
const MAX_TRANSMITTERS = 1_024;

export const newAccount = (): Account => ({ frames: 0, bytes: 0, retries: 0, failed: 0, airtime: 0 });

export function charge(account: Account, sent: SentFrame): void {
  account.frames++;
  account.bytes += sent.bytes;
  account.retries += Math.max(0, sent.tries - 1);
  if (!sent.acked && !sent.group) account.failed++;
  account.airtime += sent.airtime;
}

/** The books of one antenna. */
export class AntennaBooks {
  readonly total: AntennaAccount = { ...newAccount(), received: 0, receivedBytes: 0, dropped: 0 };
  readonly transmitters = new Map<string, Account>();

  sent(transmitter: string, sent: SentFrame): void {
    charge(this.total, sent);
    let account = this.transmitters.get(transmitter);
    if (!account) {
      account = newAccount();
      this.transmitters.set(transmitter, account);
      const [oldest] = this.transmitters.keys();
      if (this.transmitters.size > MAX_TRANSMITTERS) this.transmitters.delete(oldest as string);
    }
    charge(account, sent);
  }

  received(bytes: number): void {
    this.total.received++;
    this.total.receivedBytes += bytes;
  }
}
