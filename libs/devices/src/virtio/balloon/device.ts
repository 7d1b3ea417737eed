import { DeviceFault, type Metrics } from '../../platform';
import type { BalloonControl } from '../../vmm/device-class';
import { Chain, gather } from '../queue';
import type { VirtioDevice, VirtioHost } from '../transport/device';
import { BALLOON_STATE_VERSION, checkBalloonState, type BalloonState } from './state';

const INFLATE = 0;
const DEFLATE = 1;
const QUEUE_SIZE = 128;
const PAGE_BYTES = 4096;
const PAGE_NUMBER_BYTES = 4;
/** Linux names 256 pages at a time (drivers/virtio/virtio_balloon.c). */
const MAX_NUMBERS = 4096;
/** The driver tells before it uses a page again that it gave back. */
export const VIRTIO_BALLOON_F_MUST_TELL_HOST = 0;
/** Configuration: `le32 num_pages` (ours), `le32 actual` (the driver's). */
const ACTUAL = 4;

/**
 * A memory balloon (virtio 1.2, section 5.5): the guest's driver takes as many pages from its kernel as it is asked for and
 * names them. They are zeroed at once: nothing of them is worth saving or sending any more.
 */
export class VirtioBalloon implements VirtioDevice, BalloonControl {
  readonly type = 5;
  readonly classCode = 0x00ff00;
  readonly features: readonly number[] = [VIRTIO_BALLOON_F_MUST_TELL_HOST];
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly configSize = 8;

  private host!: VirtioHost;
  private readonly chain = new Chain();
  private wanted = 0;
  /** What the driver says of itself: nothing follows from it. */
  private said = 0;
  private readonly held = new Set<number>();
  private readonly counters = {
    inflated: 0,
    deflated: 0,
    /** Pages that were given back twice, or taken that were not given back. */
    repeated: 0,
    interrupts: 0,
  };

  attach(host: VirtioHost): void {
    this.host = host;
  }

  setTarget(pages: number): void {
    if (pages === this.wanted) return;
    this.wanted = pages;
    this.host.configChanged();
  }

  get target(): number {
    return this.wanted;
  }

  get actual(): number {
    return this.held.size;
  }

  readConfig(offset: number): number {
    const [field, byte] = [offset < ACTUAL ? this.wanted : this.said, offset % 4];
    return (field >>> (8 * byte)) & 0xff;
  }

  writeConfig(offset: number, value: number): void {
    if (offset < ACTUAL)
      throw new DeviceFault(this.host.name, 'the driver writes how many pages it is to give');
    const shift = 8 * (offset - ACTUAL);
    this.said = ((this.said & ~(0xff << shift)) | (value << shift)) >>> 0;
  }

  start(): void {}

  notify(index: number): void {
    const queue = this.host.queue(index);
    for (let pending = queue.pending(); pending > 0; pending--) {
      queue.pop(this.chain);
      for (const page of this.pageNumbers()) {
        if (index === INFLATE) this.take(page);
        else if (index === DEFLATE) this.giveBack(page);
      }
      queue.push(this.chain.head, 0);
    }
    queue.wantNotification(true);
    if (queue.publish()) {
      this.counters.interrupts++;
      this.host.interrupt();
    }
  }

  /** A driver that is gone holds nothing. */
  reset(): void {
    this.held.clear();
    this.said = 0;
  }

  private pageNumbers(): Uint32Array {
    const { chain, host } = this;
    const { readableBytes } = chain;
    if (readableBytes % PAGE_NUMBER_BYTES !== 0 || readableBytes > MAX_NUMBERS * PAGE_NUMBER_BYTES)
      throw new DeviceFault(host.name, `${readableBytes} bytes are not a list of pages`);
    const bytes = gather(host.memory, chain, readableBytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return Uint32Array.from({ length: readableBytes / PAGE_NUMBER_BYTES }, (_, i) =>
      view.getUint32(PAGE_NUMBER_BYTES * i, true),
    );
  }

  private take(page: number): void {
    const { memory, name } = this.host;
    const at = page * PAGE_BYTES;
    memory.check(name, at, PAGE_BYTES);
    if (this.held.has(page)) {
      this.counters.repeated++;
      return;
    }
    this.held.add(page);
    this.counters.inflated++;
    memory.bytes().fill(0, at, at + PAGE_BYTES);
    memory.markDirty(at, at + PAGE_BYTES);
  }

  private giveBack(page: number): void {
    this.host.memory.check(this.host.name, page * PAGE_BYTES, PAGE_BYTES);
    if (this.held.delete(page)) this.counters.deflated++;
    else this.counters.repeated++;
  }

  // saved state

  save(): BalloonState {
    return {
      version: BALLOON_STATE_VERSION,
      target: this.wanted,
      said: this.said,
      held: Uint32Array.from(this.held).sort(),
    };
  }

  restore(saved: unknown): void {
    const { memory, name } = this.host;
    const state = checkBalloonState(name, saved, memory.size / PAGE_BYTES);
    this.wanted = state.target;
    this.said = state.said;
    this.held.clear();
    for (const page of state.held) this.held.add(page);
  }

  metrics(): Metrics {
    return { ...this.counters, targetPages: this.wanted, heldPages: this.held.size };
  }
}
