import type { RateTry } from '../antenna';
import { frameLoss } from './loss';
import { basicRate, legacyRate, responseRate } from './rates';
import { ackBytes, acknowledgementTime, contentionWindow, difs, frameTime, slotTime } from './timing';

/** From the sender to the one that acknowledges, and back. */
export interface Link {
  /** dB at the receiver while a frame is on the air; `at` is µs after the exchange began. */
  snr(at: number, duration: number): number;
  /** dB of the acknowledgement. */
  snrBack: number;
  draw: () => number;
}

/** How the medium is entered. */
export interface Access {
  /** µs that it has been idle: a backoff that ended in them costs nothing (§10.3.4.2). */
  idle: number;
  draw: () => number;
  /** Whether somebody else begins in the same slot of a window of so many. */
  collides: (window: number) => boolean;
}

export interface Sending {
  /** With FCS. */
  bytes: number;
  freq: number;
  rates: readonly RateTry[];
  needsAck: boolean;
}

/** A frame's way over the medium: all attempts. */
export interface Exchange {
  acked: boolean;
  /** The attempt, from 0, at which the addressee had it; undefined: never. Later ones are duplicates. */
  receivedAt: number | undefined;
  tries: number;
  /** Of the last attempt. */
  rate: number;
  /** µs. */
  airtime: number;
  collided: boolean;
}

/** Attempts for one frame, whatever a guest's table says. */
export const MAX_ATTEMPTS = 32;

/** Attempts as a table of rates has them, each rate one of the band's; at least one. */
export function* attempts({ rates, freq, needsAck }: Sending): Generator<number> {
  let left = needsAck ? MAX_ATTEMPTS : 1;
  for (const { rate, tries } of rates) {
    for (let i = 0; i < tries && left > 0; i++, left--) yield legacyRate(rate, freq);
  }
  if (left === (needsAck ? MAX_ATTEMPTS : 1)) yield basicRate(freq);
}

/**
 * Sends until it is acknowledged or the table of rates is at its end (IEEE 802.11-2020 §10.3): each attempt waits
 * DIFS and a backoff whose window doubles. What needs no acknowledgement is sent once, and `receivedAt` is not drawn.
 * @param link undefined: nobody is there
 */
export function exchange(sending: Sending, link: Link | undefined, access: Access): Exchange {
  const { bytes, freq, needsAck } = sending;
  const result: Exchange = {
    acked: false,
    receivedAt: undefined,
    tries: 0,
    rate: 0,
    airtime: 0,
    collided: false,
  };
  let { idle } = access;
  for (const rate of attempts(sending)) {
    const window = contentionWindow(result.tries);
    const backoff = Math.floor(access.draw() * (window + 1)) * slotTime;
    result.airtime += difs(freq) + Math.max(0, backoff - idle);
    idle = 0;
    const duration = frameTime(rate, bytes, freq);
    const begins = result.airtime;
    result.collided = access.collides(window);
    result.airtime += duration;
    result.rate = rate;
    const attempt = result.tries++;
    if (!needsAck) return result;
    result.airtime += acknowledgementTime(rate, freq);
    if (!link || result.collided) continue;
    if (link.draw() < frameLoss(rate, link.snr(begins, duration), bytes)) continue;
    result.receivedAt ??= attempt;
    result.acked = link.draw() >= frameLoss(responseRate(rate), link.snrBack, ackBytes);
    if (result.acked) return result;
  }
  return result;
}
