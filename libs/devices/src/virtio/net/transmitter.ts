import { Chain, gather, type Virtqueue } from '../queue';
import type { VirtioHost } from '../transport/device';
import type { Card } from './card';
import {
  isSuperFrame,
  MAX_FRAME_LENGTH,
  MIN_FRAME_LENGTH,
  needsChecksum,
  NET_HEADER_LENGTH,
  sanitizeTransmitted,
} from './header';

const SOURCE = NET_HEADER_LENGTH + 6;

/** Takes frames out of the transmit ring. */
export class Transmitter {
  private readonly chain = new Chain();

  constructor(
    private readonly host: VirtioHost,
    private readonly card: Card,
  ) {}

  /**
   * Takes at most `limit` chains, and appends the good frames to `frames`; what was taken is not yet published.
   * @returns how many chains it took
   */
  take(queue: Virtqueue, limit: number, frames: Uint8Array<ArrayBuffer>[]): number {
    const count = Math.min(queue.pending(), limit);
    for (let i = 0; i < count; i++) {
      queue.pop(this.chain);
      const frame = this.read();
      if (frame) frames.push(frame);
      queue.push(this.chain.head, 0);
    }
    return count;
  }

  private read(): Uint8Array<ArrayBuffer> | undefined {
    const { chain, card } = this;
    const { counters } = card;
    if (chain.readableBytes < MIN_FRAME_LENGTH || chain.readableBytes > MAX_FRAME_LENGTH) {
      counters.txDroppedSize++;
      return undefined;
    }
    if (!card.linkUp) {
      counters.txDroppedDown++;
      return undefined;
    }
    const frame = gather(this.host.memory, chain);
    if (!sanitizeTransmitted(frame, card.accepted)) {
      counters.txDroppedInvalid++;
      return undefined;
    }
    if (card.spoofGuard && card.identity.some((byte, i) => byte !== frame[SOURCE + i])) {
      counters.txSpoofed++;
      return undefined;
    }
    counters.txPackets++;
    counters.txBytes += frame.length - NET_HEADER_LENGTH;
    if (isSuperFrame(frame)) counters.txSuperFrames++;
    if (needsChecksum(frame)) counters.txChecksumOffloaded++;
    return frame;
  }
}
