/** What a card counts. Bytes are those of the Ethernet frames, without the virtio header. */
export const emptyNetMetrics = () => ({
  txPackets: 0,
  txBytes: 0,
  txSuperFrames: 0,
  txChecksumOffloaded: 0,
  /** Shorter than an Ethernet header or longer than a super-frame. */
  txDroppedSize: 0,
  /** A header that lies. */
  txDroppedInvalid: 0,
  /** The link is down. */
  txDroppedDown: 0,
  /** Sent from another address than the card's own, with the spoof guard on. */
  txSpoofed: 0,
  rxPackets: 0,
  rxBytes: 0,
  rxSuperFrames: 0,
  /** Receive buffers that the packets took. */
  rxBuffers: 0,
  /** How often frames had to wait because the guest had no free buffer. */
  rxStalls: 0,
  /** The driver is not running or the link is down. */
  rxDroppedDown: 0,
  /** No frame, beyond the MTU, or larger than what the driver's ring can hold. */
  rxDroppedSize: 0,
  /** Needs an offload that the driver did not negotiate. */
  rxDroppedOffload: 0,
  /** The backlog was full. */
  rxDroppedFull: 0,
  /** For somebody else, as the driver's filters say. */
  rxFiltered: 0,
  /** Commands of the control queue, and those that were refused. */
  controlCommands: 0,
  controlRefused: 0,
  /** Notifications of the transmit and the receive queue. */
  kicks: 0,
  /** Interrupts because of used buffers, the early ones among them. */
  interrupts: 0,
  /** Of these, those at the end of a batch: the dispatcher's turns, and where optimistic interrupts are on. */
  endInterrupts: 0,
  /** Turns of the dispatcher while at least one direction was vmm-driven. */
  polls: 0,
});
export type NetCounters = ReturnType<typeof emptyNetMetrics>;
