/** A guest's NIC as the overlay sees it. */
export interface Port {
  /** Number of its network, 1 to 2^24-1. Frames never cross from one network to another. */
  readonly vni: number;
  /** Its own address, lower case with colons. */
  readonly mac: string;
  readonly vmId: string;
  /** The VM's epoch: grows with each change of its owning host, and the higher one gets the frames. */
  readonly epoch: number;
  /**
   * Frames for this NIC, super-frames in order of arrival, at most one call for each burst. A group frame is
   * shared by all its receivers, and others are views into larger buffers: read and copy them, but neither
   * change them nor transfer their buffers.
   */
  deliver(frames: Uint8Array[]): void;
}
