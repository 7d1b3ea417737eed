import { DeviceFault, type GuestMemory } from '../platform';

/**
 * The device side of a split virtqueue (virtio 1.2, section 2.7).
 *
 * Everything in the rings is written by the guest and is hostile until checked: sizes and addresses are
 * checked once when the queue is enabled, every descriptor when its chain is walked. Whatever is malformed
 * throws {@link DeviceFault}. The walk is bounded by the queue's size even if the guest lays its rings over each
 * other, because the available index is read once per visit ({@link Virtqueue.pending}).
 */

const DESC_NEXT = 1;
const DESC_WRITE = 2;
const DESC_INDIRECT = 4;
const AVAIL_NO_INTERRUPT = 1;
const USED_NO_NOTIFY = 1;

/** Longest chain that we follow, direct or indirect; the longest that Linux's drivers were seen to build is 19. */
const MAX_CHAIN = 256;

/** One descriptor chain, flattened. Reused from walk to walk: copy what must last. */
export class Chain {
  /** Index of the first descriptor: what goes back into the used ring. */
  head = 0;
  /** Buffers of this chain; the first {@link readable} are for the device to read, the others for it to write. */
  count = 0;
  readable = 0;
  /** Sums of the buffers' lengths in bytes. */
  readableBytes = 0;
  writableBytes = 0;
  readonly address = new Float64Array(MAX_CHAIN);
  readonly length = new Float64Array(MAX_CHAIN);
}

export interface VirtqueueState {
  size: number;
  enabled: boolean;
  desc: number;
  avail: number;
  used: number;
  lastAvail: number;
  usedIndex: number;
  signalledUsed: number;
}

export class Virtqueue {
  size: number;
  enabled = false;
  /** Guest physical addresses of the three areas. */
  desc = 0;
  avail = 0;
  used = 0;
  /** Negotiated for the whole device before queues are used. */
  eventIndex = false;
  indirect = false;

  private lastAvail = 0;
  private usedIndex = 0;
  private signalledUsed = 0;

  constructor(
    private readonly device: string,
    readonly index: number,
    readonly maxSize: number,
    private readonly memory: GuestMemory,
  ) {
    this.size = maxSize;
  }

  reset(): void {
    this.size = this.maxSize;
    this.enabled = false;
    this.desc = this.avail = this.used = 0;
    this.eventIndex = this.indirect = false;
    this.lastAvail = this.usedIndex = this.signalledUsed = 0;
  }

  /** Checks the driver's addresses and takes the queue into service. */
  enable(): void {
    this.checkAreas();
    this.enabled = true;
    this.lastAvail = this.usedIndex = this.signalledUsed = 0;
  }

  /** How many chains the guest has made available. To be asked once per visit, see above. */
  pending(): number {
    const available = (this.memory.view().getUint16(this.avail + 2, true) - this.lastAvail) & 0xffff;
    if (available > this.size) {
      throw this.fault(`available index runs ${available} ahead in a ring of ${this.size}`);
    }
    return available;
  }

  /** Takes the next available chain; only to be called as often as {@link pending} said. */
  pop(chain: Chain): Chain {
    const view = this.memory.view();
    const head = view.getUint16(this.avail + 4 + 2 * (this.lastAvail % this.size), true);
    this.lastAvail = (this.lastAvail + 1) & 0xffff;
    this.walk(view, head, chain);
    return chain;
  }

  /** Gives back the last `count` chains that were popped and not pushed. */
  unpop(count: number): void {
    this.lastAvail = (this.lastAvail - count) & 0xffff;
  }

  /** Puts a chain into the used ring; the guest sees it after {@link publish}. */
  push(head: number, written: number): void {
    const view = this.memory.view();
    const element = this.used + 4 + 8 * (this.usedIndex % this.size);
    view.setUint32(element, head, true);
    view.setUint32(element + 4, written, true);
    this.usedIndex = (this.usedIndex + 1) & 0xffff;
  }

  /** Shows what was pushed to the guest. True when the guest wants an interrupt for it. */
  publish(): boolean {
    if (this.usedIndex === this.signalledUsed) return false;
    const view = this.memory.view();
    const old = this.signalledUsed;
    view.setUint16(this.used + 2, this.usedIndex, true);
    this.signalledUsed = this.usedIndex;
    if (!this.eventIndex) return (view.getUint16(this.avail, true) & AVAIL_NO_INTERRUPT) === 0;
    const event = view.getUint16(this.avail + 4 + 2 * this.size, true);
    return ((this.usedIndex - event - 1) & 0xffff) < ((this.usedIndex - old) & 0xffff);
  }

  /** Whether the guest wants an interrupt for the very next chain that is used: it does not while it polls. */
  interruptsNext(): boolean {
    const view = this.memory.view();
    if (!this.eventIndex) return (view.getUint16(this.avail, true) & AVAIL_NO_INTERRUPT) === 0;
    return view.getUint16(this.avail + 4 + 2 * this.size, true) === this.usedIndex;
  }

  /**
   * Asks the guest to notify (or not to notify) when it makes the next chain available: the one after all that are
   * available now, taken or not. (Were it the next to be taken, a guest that adds to chains which are too few for
   * a frame would never notify.)
   */
  wantNotification(wanted: boolean): void {
    const view = this.memory.view();
    if (this.eventIndex) {
      const available = view.getUint16(this.avail + 2, true);
      const event = wanted ? available : (available - 1) & 0xffff;
      view.setUint16(this.used + 4 + 8 * this.size, event, true);
    } else {
      view.setUint16(this.used, wanted ? 0 : USED_NO_NOTIFY, true);
    }
  }

  save(): VirtqueueState {
    const { size, enabled, desc, avail, used, lastAvail, usedIndex, signalledUsed } = this;
    return { size, enabled, desc, avail, used, lastAvail, usedIndex, signalledUsed };
  }

  restore(state: VirtqueueState, features: { eventIndex: boolean; indirect: boolean }): void {
    this.size = state.size;
    this.desc = state.desc;
    this.avail = state.avail;
    this.used = state.used;
    this.lastAvail = state.lastAvail & 0xffff;
    this.usedIndex = state.usedIndex & 0xffff;
    this.signalledUsed = state.signalledUsed & 0xffff;
    this.enabled = state.enabled;
    Object.assign(this, features);
    if (this.enabled) this.checkAreas();
  }

  private walk(view: DataView, head: number, chain: Chain): void {
    chain.head = head;
    chain.count = chain.readable = chain.readableBytes = chain.writableBytes = 0;
    let table = this.desc;
    let entries = this.size;
    let index = head;
    let steps = 0;
    let nested = false;
    for (;;) {
      if (index >= entries) throw this.fault(`descriptor ${index} is outside of a table of ${entries}`);
      if (steps++ >= entries) throw this.fault(`descriptor chain at ${head} is a loop`);
      const at = table + 16 * index;
      const flags = view.getUint16(at + 12, true);
      const address = this.address(view, at);
      const length = view.getUint32(at + 8, true);
      if (flags & DESC_INDIRECT) {
        if (!this.indirect) throw this.fault('indirect descriptor without the negotiated feature');
        if (nested || flags & DESC_NEXT) throw this.fault('indirect descriptor inside of a chain');
        if (length === 0 || length % 16 !== 0) throw this.fault(`indirect table of ${length} bytes`);
        this.memory.check(this.device, address, length);
        [table, entries, index, steps, nested] = [address, length / 16, 0, 0, true];
        continue;
      }
      this.append(chain, address, length, (flags & DESC_WRITE) !== 0);
      if (!(flags & DESC_NEXT)) return;
      index = view.getUint16(at + 14, true);
    }
  }

  private append(chain: Chain, address: number, length: number, writable: boolean): void {
    if (chain.count === MAX_CHAIN) throw this.fault(`descriptor chain of more than ${MAX_CHAIN} buffers`);
    this.memory.check(this.device, address, length);
    if (writable) {
      chain.writableBytes += length;
    } else {
      if (chain.readable !== chain.count) throw this.fault('readable buffer after a writable one');
      chain.readable++;
      chain.readableBytes += length;
    }
    chain.address[chain.count] = address;
    chain.length[chain.count] = length;
    chain.count++;
  }

  private address(view: DataView, at: number): number {
    if (view.getUint32(at + 4, true) !== 0) throw this.fault('address above 4 GiB');
    return view.getUint32(at, true);
  }

  private checkAreas(): void {
    const { size, desc, avail, used } = this;
    if (!(size >= 1 && size <= this.maxSize && (size & (size - 1)) === 0)) {
      throw this.fault(`size ${size} is not a power of two up to ${this.maxSize}`);
    }
    if (desc % 16 || avail % 2 || used % 4) throw this.fault('ring addresses are not aligned');
    this.memory.check(this.device, desc, 16 * size);
    this.memory.check(this.device, avail, 6 + 2 * size);
    this.memory.check(this.device, used, 6 + 8 * size);
  }

  private fault(reason: string): DeviceFault {
    return new DeviceFault(this.device, `queue ${this.index}: ${reason}`);
  }
}

/** Copies the device-readable part of a chain, or its first `limit` bytes. The caller has bounded them. */
export function gather(
  memory: GuestMemory,
  chain: Chain,
  limit = chain.readableBytes,
): Uint8Array<ArrayBuffer> {
  const from = memory.bytes();
  const out = new Uint8Array(limit);
  let at = 0;
  for (let i = 0; i < chain.readable && at < limit; i++) {
    const address = chain.address[i]!;
    const length = Math.min(chain.length[i]!, limit - at);
    out.set(from.subarray(address, address + length), at);
    at += length;
  }
  return out;
}

/** Copies `data` from `offset` into the device-writable part of a chain; returns how many bytes went in. */
export function scatter(memory: GuestMemory, chain: Chain, data: Uint8Array, offset = 0): number {
  const to = memory.bytes();
  let at = offset;
  for (let i = chain.readable; i < chain.count && at < data.length; i++) {
    const address = chain.address[i]!;
    const part = Math.min(chain.length[i]!, data.length - at);
    memory.markDirty(address, address + part);
    to.set(data.subarray(at, at + part), address);
    at += part;
  }
  return at - offset;
}
