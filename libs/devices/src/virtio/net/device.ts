import { DeviceFault, type Metrics } from '../../platform';
import { Chain, gather, scatter, type Virtqueue } from '../queue';
import type { VirtioDevice, VirtioHost } from '../transport/device';
import { FrameBacklog } from './backlog';
import {
  canReceive,
  isSuperFrame,
  MAX_FRAME_LENGTH,
  MIN_FRAME_LENGTH,
  needsChecksum,
  NetFeature,
  sanitizeTransmitted,
  setNumBuffers,
} from './header';
import { emptyNetMetrics } from './metrics';
import { checkNetState, NET_STATE_VERSION, type NetState } from './state';

const RX = 0;
const TX = 1;
const QUEUE_SIZE = 256;
const LINK_UP = 1;
/** What may wait for receive buffers: what a guest that is busy for some 10 ms misses at full speed. */
const MAX_BACKLOG_FRAMES = 4096;
const MAX_BACKLOG_BYTES = 4 << 20;

export interface NetOptions {
  /** Six bytes. */
  mac: Uint8Array;
  /** Largest IP packet in bytes, 68 … 65521. */
  mtu: number;
  /** Takes the frames that the guest sent in one go: each is `[12-byte virtio_net_hdr][Ethernet frame]`. */
  transmit(frames: Uint8Array<ArrayBuffer>[]): void;
}

/**
 * A virtio network card (virtio 1.2, section 5.1). Checksum and segmentation offload pass end to end: a frame
 * travels with its `virtio_net_hdr` and may be a super-frame of up to 64 KiB, which is cut into segments only
 * where it leaves for a real wire.
 */
export class VirtioNet implements VirtioDevice {
  readonly type = 1;
  readonly classCode = 0x020000;
  readonly features = Object.values(NetFeature);
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly configSize = 12;

  private host!: VirtioHost;
  private mac: Uint8Array;
  private readonly mtu: number;
  private link = LINK_UP;
  private accepted = 0n;
  private readonly backlog = new FrameBacklog(MAX_BACKLOG_FRAMES, MAX_BACKLOG_BYTES);
  private readonly counters = emptyNetMetrics();
  private readonly chain = new Chain();
  /** Receive buffers taken for one frame; a frame of 64 KiB in buffers of 1.5 KiB takes 43. */
  private readonly taken: Chain[] = [];

  constructor(private readonly options: NetOptions) {
    this.mac = Uint8Array.from(options.mac);
    this.mtu = options.mtu;
  }

  attach(host: VirtioHost): void {
    this.host = host;
  }

  /** `mac` u8[6], `status` u16, `max_virtqueue_pairs` u16, `mtu` u16 (5.1.4). */
  readConfig(offset: number): number {
    if (offset < 6) return this.mac[offset]!;
    switch (offset) {
      case 6:
        return this.link;
      case 8:
        return 1;
      case 10:
        return this.mtu & 0xff;
      case 11:
        return this.mtu >> 8;
      default:
        return 0;
    }
  }

  start(): void {
    this.accepted = Object.values(NetFeature).reduce(
      (mask, bit) => (this.host.negotiated(bit) ? mask | (1n << BigInt(bit)) : mask),
      0n,
    );
    for (const queue of [this.host.queue(RX), this.host.queue(TX)]) {
      if (queue.enabled) queue.wantNotification(true);
    }
    this.deliver();
    this.transmit();
  }

  notify(index: number): void {
    if (index === RX) this.deliver();
    else this.transmit();
  }

  reset(): void {
    this.backlog.clear();
  }

  /** The MAC that the card shows from now on: a clone of a VM gets its own before its guest looks. */
  setMac(mac: Uint8Array): void {
    if (this.mac.every((byte, i) => byte === mac[i])) return;
    this.mac = Uint8Array.from(mac);
    this.host.configChanged();
  }

  setLink(up: boolean): void {
    if ((this.link === LINK_UP) === up) return;
    this.link = up ? LINK_UP : 0;
    this.host.configChanged();
  }

  /** Frames for the guest, in order. The card takes the arrays over; it writes `num_buffers` into them. */
  receive(frames: Uint8Array[]): void {
    for (const frame of frames) {
      if (!this.host.running || this.link !== LINK_UP) this.counters.rxDroppedDown++;
      else if (frame.length < MIN_FRAME_LENGTH || frame.length > MAX_FRAME_LENGTH)
        this.counters.rxDroppedSize++;
      else if (!canReceive(frame, this.accepted)) this.counters.rxDroppedOffload++;
      else if (!this.backlog.push(frame)) this.counters.rxDroppedFull++;
    }
    this.deliver();
  }

  private transmit(): void {
    const queue = this.host.queue(TX);
    if (!this.host.running || !queue.enabled) return;
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (let pending = queue.pending(); pending > 0; pending--) {
      queue.pop(this.chain);
      const frame = this.takeFrame();
      if (frame) frames.push(frame);
      queue.push(this.chain.head, 0);
    }
    queue.wantNotification(true);
    if (queue.publish()) this.host.interrupt();
    if (frames.length) this.options.transmit(frames);
  }

  private takeFrame(): Uint8Array<ArrayBuffer> | undefined {
    const { chain, counters } = this;
    if (chain.readableBytes < MIN_FRAME_LENGTH || chain.readableBytes > MAX_FRAME_LENGTH) {
      counters.txDroppedSize++;
      return undefined;
    }
    const frame = gather(this.host.memory, chain);
    if (this.link !== LINK_UP || !sanitizeTransmitted(frame, this.accepted)) {
      counters.txDroppedInvalid++;
      return undefined;
    }
    counters.txPackets++;
    counters.txBytes += frame.length - 12;
    if (isSuperFrame(frame)) counters.txSuperFrames++;
    if (needsChecksum(frame)) counters.txChecksumOffloaded++;
    return frame;
  }

  private deliver(): void {
    const queue = this.host.queue(RX);
    if (!this.host.running || !queue.enabled) return;
    let pending = this.backlog.length ? queue.pending() : 0;
    let starved = false;
    for (let frame = this.backlog.peek(); frame; frame = this.backlog.peek()) {
      const buffers = this.takeBuffers(queue, frame.length, pending);
      if (buffers < 0) {
        starved = true;
        break;
      }
      pending -= buffers;
      this.fill(queue, frame, buffers);
      this.backlog.shift();
    }
    if (starved) this.counters.rxStalls++;
    queue.wantNotification(starved);
    if (queue.publish()) this.host.interrupt();
  }

  /** Pops as many receive buffers as `length` bytes need: their count, or −1 (and nothing popped) if there are too few. */
  private takeBuffers(queue: Virtqueue, length: number, pending: number): number {
    const mergeable = this.host.negotiated(NetFeature.mrgRxbuf);
    let count = 0;
    let room = 0;
    while (room < length) {
      if (count === pending) {
        queue.unpop(count);
        return -1;
      }
      const chain = (this.taken[count] ??= new Chain());
      queue.pop(chain);
      count++;
      room += chain.writableBytes;
      if (chain.writableBytes === 0) throw new DeviceFault(this.host.name, 'receive buffer of no length');
      if (!mergeable) break;
    }
    return count;
  }

  private fill(queue: Virtqueue, frame: Uint8Array, buffers: number): void {
    const { counters } = this;
    setNumBuffers(frame, buffers);
    let at = 0;
    for (let i = 0; i < buffers; i++) {
      const chain = this.taken[i]!;
      const written = scatter(this.host.memory, chain, frame, at);
      at += written;
      queue.push(chain.head, written);
    }
    if (at < frame.length) {
      counters.rxDroppedSize++; // without mergeable buffers: larger than the driver's one buffer
      return;
    }
    counters.rxPackets++;
    counters.rxBytes += frame.length - 12;
    counters.rxBuffers += buffers;
    if (isSuperFrame(frame)) counters.rxSuperFrames++;
  }

  save(): NetState {
    return {
      version: NET_STATE_VERSION,
      mac: Uint8Array.from(this.mac),
      link: this.link,
      accepted: this.accepted,
      backlog: this.backlog.toArray().map(frame => frame.slice()),
    };
  }

  restore(saved: unknown): void {
    const state = checkNetState(this.host.name, saved);
    this.mac = Uint8Array.from(state.mac);
    this.link = state.link ? LINK_UP : 0;
    this.accepted = state.accepted;
    this.backlog.clear();
    for (const frame of state.backlog) this.backlog.push(frame);
  }

  metrics(): Metrics {
    return { ...this.counters, rxBacklogFrames: this.backlog.length, rxBacklogBytes: this.backlog.bytes };
  }
}
