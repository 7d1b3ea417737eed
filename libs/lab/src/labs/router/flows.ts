import type { Attachment, VnetRule } from '@v3vee/contracts';
import { formatMac } from '@v3vee/wire';

export const VNI = 1;
/** Of the smallest super-frame that is a whole Ethernet frame: virtio-net header, then 64 bytes. */
export const FRAME_BYTES = 12 + 64;
const ETHERNET = 12;

export interface FlowAddresses {
  source: string;
  destination: string;
}

const address = (kind: number, n: number): string =>
  formatMac(Uint8Array.of(0x02, kind, n >>> 24, n >>> 16, n >>> 8, n), 0);

/** The address of the nth sender. */
export const source = (n: number): string => address(0x20, n);
/** The address that the nth route leads to. */
export const destination = (n: number): string => address(0x10, n);

/** NICs of another host, one for each route. */
export function attachments(routes: number): Attachment[] {
  return Array.from({ length: routes }, (_, n) => ({
    vni: VNI,
    mac: destination(n),
    vmId: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    epoch: 1,
  }));
}

/** `ADD any <mac> interface <mac> any`, once for each destination. */
export function rules(routes: number): VnetRule[] {
  return Array.from({ length: routes }, (_, n) => ({
    index: n + 1,
    vni: VNI,
    source: 'any',
    destination: destination(n),
    to: { type: 'interface', mac: destination(n) },
    from: null,
  }));
}

/** Frames of flows drawn at random, in one piece of memory: neither order nor place helps a lookup. */
export class FrameSet {
  static readonly count = 1 << 14;
  readonly bytes = new Uint8Array(FrameSet.count * FRAME_BYTES);
  readonly frames: readonly Uint8Array[];

  /** @param flow of a number that is drawn, its addresses */
  constructor(flow: (draw: number) => FlowAddresses) {
    let seed = 1;
    this.frames = Array.from({ length: FrameSet.count }, (_, i) => {
      const frame = this.bytes.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES);
      // Numerical Recipes' generator, without its weak low bits: the same frames in every run.
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      const addresses = flow(seed >>> 8);
      frame.set(macBytes(addresses.destination), ETHERNET);
      frame.set(macBytes(addresses.source), ETHERNET + 6);
      return frame;
    });
  }

  /** Where the destination address of the nth frame is. */
  static addressOf(n: number): number {
    return n * FRAME_BYTES + ETHERNET;
  }
}

const macBytes = (mac: string): Uint8Array => Uint8Array.from(mac.split(':'), octet => parseInt(octet, 16));
