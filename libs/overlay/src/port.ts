import type { VnetPlace } from '@v3vee/contracts';

interface AnyPort {
  /** Number of its network, 1 to 2^24-1. Frames never cross from one network to another. */
  readonly vni: number;
  /**
   * Frames for this place, super-frames in order of arrival, at most one call for each burst. A frame that is all of its
   * buffer is this port's alone, which may transfer it; others are views into buffers that others read: not to be
   * changed.
   */
  deliver(frames: Uint8Array[]): void;
}

/** A guest's NIC as the overlay sees it. */
export interface NicPort extends AnyPort {
  /** Its own address, lower case with colons. */
  readonly place: Extract<VnetPlace, { type: 'interface' }>;
  readonly vmId: string;
  /** The VM's epoch: grows with each change of its owning host, and the higher one gets the frames. */
  readonly epoch: number;
}

/** A link to the outside. */
export interface LinkPort extends AnyPort {
  readonly place: Extract<VnetPlace, { type: 'edge' }>;
}

/** A place of this host where frames enter and leave the overlay. */
export type Port = NicPort | LinkPort;

export function isNic(port: Port): port is NicPort {
  return port.place.type === 'interface';
}

/** A place as a text: the same for the same place of a network. */
export function placeKey(place: VnetPlace): string {
  return place.type === 'interface' ? place.mac : `edge ${place.link}`;
}
