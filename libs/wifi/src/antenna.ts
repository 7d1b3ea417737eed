/** One attempt after another at one rate (mac80211's rate table: at most four). */
export interface RateTry {
  /** In 100 kbit/s, as 802.11's rates are written. */
  rate: number;
  tries: number;
}

/** One 802.11 frame that is sent, without FCS. */
export interface Transmission {
  frame: Uint8Array;
  /** MHz. */
  freq: number;
  rates: readonly RateTry[];
}

/** One 802.11 frame that arrived, without FCS. */
export interface Reception {
  frame: Uint8Array;
  /** MHz. */
  freq: number;
  /** dBm. */
  signal: number;
  /** In 100 kbit/s. */
  rate: number;
}

/** What became of a transmission. */
export interface TxStatus {
  acked: boolean;
  /** Attempts in all. */
  tries: number;
  /** Of the last attempt, in 100 kbit/s. */
  rate: number;
  /** µs that the medium was taken, acknowledgements and the gaps between included. */
  airtime: number;
  /** dBm of the acknowledgement. */
  signal: number;
}

/** Whoever sends and receives: the radio of a host, or an access point. */
export interface Antenna {
  /** `alpha/radio0`, `ap/home`. */
  readonly id: string;
  /** dBm. */
  readonly txPower: number;
  /** MHz it listens on now; undefined: deaf. */
  readonly freq: number | undefined;
  /** Whether it acknowledges frames to this address (addr1). */
  acknowledges(address: string): boolean;
  /** Of an antenna with several channels at once: whether it listens on this one. Without: `freq` alone. */
  hears?(freq: number): boolean;
  /** It also wants unicast frames that are for others: somebody behind it monitors. */
  readonly promiscuous?: boolean;
  /** @param reception its frame is shared: not to be changed */
  receive(reception: Reception): void;
}

/** The air, as an antenna sees it. */
export interface AirAccess {
  /**
   * @param transmission its frame is not changed until `done`
   * @param done is called once, when the last attempt is over; within the call when the medium is free
   */
  transmit(antenna: Antenna, transmission: Transmission, done: (status: TxStatus) => void): void;
}
