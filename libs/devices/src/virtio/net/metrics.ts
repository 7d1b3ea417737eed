/** What a card counts. Bytes are those of the Ethernet frames, without the virtio header. */
export const emptyNetMetrics = () => ({
  txPackets: 0,
  txBytes: 0,
  txSuperFrames: 0,
  txChecksumOffloaded: 0,
  /** Shorter than an Ethernet header or longer than a super-frame. */
  txDroppedSize: 0,
  /** A header that lies, or the link is down. */
  txDroppedInvalid: 0,
  rxPackets: 0,
  rxBytes: 0,
  rxSuperFrames: 0,
  /** Receive buffers that the packets took. */
  rxBuffers: 0,
  /** How often frames had to wait because the guest had no free buffer. */
  rxStalls: 0,
  /** The driver is not running or the link is down. */
  rxDroppedDown: 0,
  rxDroppedSize: 0,
  /** Needs an offload that the driver did not negotiate. */
  rxDroppedOffload: 0,
  /** The backlog was full. */
  rxDroppedFull: 0,
});
