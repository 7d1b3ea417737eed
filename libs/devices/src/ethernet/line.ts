/**
 * A card's plug in a physical network segment. Frames on it are Ethernet frames from the destination address to the
 * end of the payload, without preamble and frame check sequence: a segment of ours damages no bits, and each card
 * computes the check sequence where its registers or buffers show it.
 */
export interface EthernetLine {
  /** Takes a frame that the card sent, 14 … {@link MAX_LINE_FRAME} bytes; the array is the segment's from now on. */
  transmit(frame: Uint8Array<ArrayBuffer>): void;
}

/** Destination, source, type (IEEE 802.3, clause 3). */
export const ETHERNET_HEADER = 14;
/** What a frame is padded to: 64 bytes less the check sequence. Shorter ones are runts. */
export const MIN_LINE_FRAME = 60;
/** 1500 bytes of payload, the header and one 802.1Q tag. Longer ones are never put on a segment nor taken from it. */
export const MAX_LINE_FRAME = 1518;
/** Frame check sequence at the end of each frame on a real wire. */
export const FCS_LENGTH = 4;
