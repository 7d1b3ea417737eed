/** What a card counts. Bytes are those of the frames, without check sequence. */
export const emptyRtl8139Metrics = () => ({
  txPackets: 0,
  txBytes: 0,
  /** Not sent: a length that no frame has, link down, a wrong check sequence, DMA denied. */
  txDropped: 0,
  txLoopback: 0,
  /** C+: frames whose checksums the card filled in, and large sends that it cut into segments. */
  txChecksums: 0,
  txLargeSends: 0,
  rxPackets: 0,
  rxBytes: 0,
  rxFiltered: 0,
  rxDroppedSize: 0,
  /** No room in the ring, or no descriptor. */
  rxMissed: 0,
  /** Receiver off, in loopback or without a link. */
  rxDroppedDown: 0,
  /** A DMA was denied on the way to memory. */
  rxDroppedDma: 0,
  interrupts: 0,
  resets: 0,
});

export type Rtl8139Metrics = ReturnType<typeof emptyRtl8139Metrics>;
