/** Test kit for network cards. */

export const MAC_A = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0a);
export const MAC_B = Uint8Array.of(0x02, 0, 0, 0, 0, 0x0b);
export const BROADCAST = new Uint8Array(6).fill(0xff);
/** 224.0.0.1: every IP host listens to it. */
export const MULTICAST = Uint8Array.of(0x01, 0x00, 0x5e, 0, 0, 1);

export function ethernetFrame(to: Uint8Array, length = 60, fill = 0x5a): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(length).fill(fill);
  frame.set(to);
  frame.set(MAC_B, 6);
  frame.set([0x88, 0xb5], 12); // for local experiments (IEEE 802)
  return frame;
}

/** A line that keeps what was sent. */
export class TestWire {
  readonly sent: Uint8Array[] = [];
  transmit = (frame: Uint8Array<ArrayBuffer>): void => void this.sent.push(frame);
}
