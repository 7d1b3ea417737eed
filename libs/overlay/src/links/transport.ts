import type { linkStates } from '@v3vee/contracts';
import type { Endpoint } from './address';
import type { LinkCounters } from './link-counters';

export type LinkState = (typeof linkStates)[number];
export interface Health {
  state: LinkState;
  /** Why it is not UP; empty when there is nothing to say. */
  reason: string;
}

/** More than this waiting in one socket, bytes: the peer has stalled, and frames are dropped as on a full wire. */
export const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/** A link as a socket sees it. */
export interface LinkEnd {
  readonly index: number;
  readonly remote: Endpoint;
  readonly wireVni: number;
  readonly counters: LinkCounters;
  /** An Ethernet frame from the peer, checked for nothing yet; its bytes may be used again afterwards. */
  receive(ethernet: Uint8Array): void;
  /** The health of the socket changed. */
  changed(): void;
}

/** What all sockets count that belongs to no link. */
export interface ListenerStatus {
  type: 'udp' | 'tcp' | 'vxlan';
  local: Endpoint;
  links: number;
  /** Datagrams, or connections, from whom no link names. */
  unknownPeer: number;
}

/** A local socket that the links of one type with the same local address share. */
export interface Listener {
  /** What keeps the link from joining, in words; undefined when it has joined. */
  join(link: LinkEnd): string | undefined;
  leave(link: LinkEnd): void;
  /** Plain Ethernet frames to the link's peer; counts what becomes of them. They must stay unchanged for good. */
  send(link: LinkEnd, frames: readonly Uint8Array[]): void;
  health(link: LinkEnd): Health;
  status(): ListenerStatus;
  close(): Promise<void>;
}
