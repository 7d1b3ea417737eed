import { DeviceFault } from '../../platform';
import { Chain, scatter, type Virtqueue } from '../queue';
import type { VirtioHost } from '../transport/device';
import { FrameBacklog } from './backlog';
import type { Card } from './card';
import { macKey, ReceiveFilter } from './filter';
import {
  canReceive,
  isSuperFrame,
  MAX_FRAME_LENGTH,
  MIN_FRAME_LENGTH,
  NET_HEADER_LENGTH,
  NetFeature,
  setNumBuffers,
} from './header';
import { hasFeature } from '../features';

/** What may wait for receive buffers: what a guest that is busy for some 10 ms misses at full speed. */
const MAX_BACKLOG_FRAMES = 4096;
const MAX_BACKLOG_BYTES = 4 << 20;
/** Ethernet header with a VLAN tag. */
const LINK_HEADER = 18;

const TOO_FEW = -1;
const NEVER_FITS = -2;

/** Puts frames into the receive ring; what finds no buffer waits, in order. */
export class Receiver {
  readonly filter = new ReceiveFilter();
  readonly backlog = new FrameBacklog(MAX_BACKLOG_FRAMES, MAX_BACKLOG_BYTES);
  /** The first frame that waits needs more buffers than the guest has given. */
  starved = false;
  /** Receive buffers taken for one frame; a frame of 64 KiB in buffers of 1.5 KiB takes 43. */
  private readonly taken: Chain[] = [];

  constructor(
    private readonly host: VirtioHost,
    private readonly card: Card,
  ) {}

  /** Takes a frame in unless it is not for this card or cannot be had; false if it was dropped. */
  accept(frame: Uint8Array): boolean {
    const { card, host } = this;
    const { counters } = card;
    if (!host.running || !card.linkUp) counters.rxDroppedDown++;
    else if (frame.length < MIN_FRAME_LENGTH || frame.length > MAX_FRAME_LENGTH) counters.rxDroppedSize++;
    else if (!this.filter.accepts(frame, macKey(card.mac, 0))) counters.rxFiltered++;
    else if (this.exceedsMtu(frame)) counters.rxDroppedSize++;
    else if (!canReceive(frame, card.accepted)) counters.rxDroppedOffload++;
    else if (!this.backlog.push(frame)) counters.rxDroppedFull++;
    else return true;
    return false;
  }

  /** Fills buffers with at most `limit` frames, not yet published. @returns how many frames went in */
  deliver(queue: Virtqueue, limit: number): number {
    this.starved = false;
    if (this.backlog.length === 0) return 0;
    let pending = queue.pending();
    let delivered = 0;
    while (delivered < limit) {
      const frame = this.backlog.peek();
      if (!frame) break;
      const buffers = this.takeBuffers(queue, frame.length, pending);
      if (buffers === TOO_FEW) {
        this.starved = true;
        this.card.counters.rxStalls++;
        break;
      }
      if (buffers === NEVER_FITS) this.card.counters.rxDroppedSize++;
      else {
        pending -= buffers;
        this.fill(queue, frame, buffers);
        delivered++;
      }
      this.backlog.shift();
    }
    return delivered;
  }

  reset(): void {
    this.backlog.clear();
    this.filter.reset();
    this.starved = false;
  }

  /** With VIRTIO_NET_F_MTU no frame beyond it may be passed, but super-frames (5.1.4.1). */
  private exceedsMtu(frame: Uint8Array): boolean {
    const { mtu, accepted } = this.card;
    return (
      frame.length > NET_HEADER_LENGTH + LINK_HEADER + mtu &&
      hasFeature(accepted, NetFeature.mtu) &&
      !isSuperFrame(frame)
    );
  }

  /** Pops as many buffers as `length` bytes need: their count, or why there are none (and nothing is popped). */
  private takeBuffers(queue: Virtqueue, length: number, pending: number): number {
    const mergeable = hasFeature(this.card.accepted, NetFeature.mrgRxbuf);
    let count = 0;
    let room = 0;
    while (room < length) {
      if (count === pending || (count > 0 && !mergeable)) {
        queue.unpop(count);
        // a driver that gave all that its ring holds will never give more
        return (mergeable ? count < queue.size : count === 0) ? TOO_FEW : NEVER_FITS;
      }
      const chain = (this.taken[count] ??= new Chain());
      queue.pop(chain);
      count++;
      room += chain.writableBytes;
      if (chain.writableBytes === 0) throw new DeviceFault(this.host.name, 'receive buffer of no length');
    }
    return count;
  }

  private fill(queue: Virtqueue, frame: Uint8Array, buffers: number): void {
    const { counters } = this.card;
    setNumBuffers(frame, buffers);
    let at = 0;
    for (let i = 0; i < buffers; i++) {
      const chain = this.taken[i]!;
      const written = scatter(this.host.memory, chain, frame, at);
      at += written;
      queue.push(chain.head, written);
    }
    counters.rxPackets++;
    counters.rxBytes += frame.length - NET_HEADER_LENGTH;
    counters.rxBuffers += buffers;
    if (isSuperFrame(frame)) counters.rxSuperFrames++;
  }
}
