import type { TrafficCounters } from '@v3vee/contracts';

/** Why a frame did not pass a link. */
export const linkDropReasons = [
  // sending
  /** The link is down, or its peer is not connected. */
  'down',
  /** Its headers are cut short, contradict each other, or ask for a segmentation that there is not. */
  'malformed',
  /** Longer than the link's MTU. Its sender was told, where that is allowed and was not done too often. */
  'too-big',
  /** More waits for the peer than may wait. */
  'stalled',
  /** The operating system refused it, or the connection ended before it was written. */
  'send-failed',
  // receiving
  /** Shorter than an Ethernet header. */
  'runt',
  /** Longer than any Ethernet frame. */
  'oversize',
  /** No VXLAN header, or a sender's address that no station has. */
  'garbage',
] as const;
export type LinkDropReason = (typeof linkDropReasons)[number];

/** Of one link: Ethernet frames as they are on the wire (after segmentation), and their bytes. */
export class LinkCounters implements TrafficCounters {
  receivePackets = 0;
  receiveBytes = 0;
  transmitPackets = 0;
  transmitBytes = 0;
  readonly dropped = Object.fromEntries(linkDropReasons.map(reason => [reason, 0])) as Record<
    LinkDropReason,
    number
  >;

  received(bytes: number): void {
    this.receivePackets++;
    this.receiveBytes += bytes;
  }

  sent(bytes: number): void {
    this.transmitPackets++;
    this.transmitBytes += bytes;
  }

  drop(reason: LinkDropReason, frames = 1): void {
    this.dropped[reason] += frames;
  }
}
