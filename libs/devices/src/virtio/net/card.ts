import type { NetCounters } from './metrics';

/** What both directions of a card and its control queue share. */
export interface Card {
  /** The address that this NIC was given: what the spoof guard knows it by. */
  identity: Uint8Array;
  /** The address in force: the identity until the driver sets another by the control queue. */
  mac: Uint8Array;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  linkUp: boolean;
  /** The guest was asked to announce itself and has not said that it did. */
  announcing: boolean;
  spoofGuard: boolean;
  /** Features that the driver negotiated. */
  accepted: bigint;
  readonly counters: NetCounters;
}
