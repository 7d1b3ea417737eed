/** What a card counts. Bytes are those of the frames, without check sequence. */
export const emptyNe2000Metrics = () => ({
  txPackets: 0,
  txBytes: 0,
  /** Not sent: shorter than a header, longer than the segment takes, link down or a wrong check sequence. */
  txDropped: 0,
  /** Sent to the card itself. */
  txLoopback: 0,
  rxPackets: 0,
  rxBytes: 0,
  /** For another station, or of a kind that the receive configuration leaves out. */
  rxFiltered: 0,
  /** Runts, and what no card may put on a segment. */
  rxDroppedSize: 0,
  /** No room in the receive ring, or monitor mode. */
  rxMissed: 0,
  /** Stopped, in loopback or without a link. */
  rxDroppedDown: 0,
  interrupts: 0,
  resets: 0,
});

export type Ne2000Metrics = ReturnType<typeof emptyNe2000Metrics>;
