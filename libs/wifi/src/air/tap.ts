/** A frame as a capture sees it: one record for all its attempts. */
export interface Sniffed {
  /** Without FCS; shared: not to be changed. */
  frame: Uint8Array;
  /** MHz. */
  freq: number;
  /** Antenna that sent it. */
  from: string;
  /** Of the last attempt, in 100 kbit/s. */
  rate: number;
  /** dBm where the tap is; of the sender's own frames, and without a place, what it was sent with. */
  signal: number;
  /** dBm. */
  noise: number;
  /** When the last attempt was over: ms of the air's clock, of which the medium may be some ahead. */
  time: number;
  tries: number;
  acked: boolean;
  /** µs, of all attempts. */
  airtime: number;
}

export interface Tap {
  /**
   * Sees what this antenna sends, what it receives, and of what is for others all that is above the noise; undefined:
   * everything.
   */
  at: string | undefined;
  see: (sniffed: Sniffed) => void;
}
