import type { NicDispatch, NicSettingsPatch } from '@v3vee/contracts';
import type { Metrics } from '../../platform';
import { featureMask } from '../features';
import type { VirtioDevice, VirtioHost } from '../transport/device';
import type { Card } from './card';
import { ControlQueue } from './control';
import { EarlyInterrupts } from './early';
import { isCoherent, NetFeature } from './header';
import { emptyNetMetrics } from './metrics';
import { DISPATCH_QUOTA, DispatchMode } from './modes';
import { Receiver } from './receiver';
import { checkNetState, NET_STATE_VERSION, type NetState } from './state';
import { Transmitter } from './transmitter';

const RX = 0;
const TX = 1;
const CONTROL = 2;
const QUEUE_SIZE = 256;
const CONTROL_QUEUE_SIZE = 64;
const STATUS_LINK_UP = 1;
const STATUS_ANNOUNCE = 2;
const ALL = Infinity;

export interface NetOptions {
  /** Six bytes. */
  mac: Uint8Array;
  /** Largest IP packet in bytes, 68 … 65521. */
  mtu: number;
  /** Takes the frames that the guest sent in one go: each is `[12-byte virtio_net_hdr][Ethernet frame]`. */
  transmit(frames: Uint8Array<ArrayBuffer>[]): void;
}

/** What the host decides about a card while its guest runs; no part of the guest's state. */
export type NetSettings = Pick<NicSettingsPatch, 'mode' | 'optimisticInterrupts' | 'spoofGuard' | 'linkUp'>;

/**
 * A virtio network card (virtio 1.2, section 5.1). Checksum and segmentation offload pass end to end: a frame
 * travels with its `virtio_net_hdr` and may be a super-frame of up to 64 KiB, which is cut into segments only
 * where it leaves for a real wire.
 *
 * The machine calls {@link poll} between any two stretches of guest code and {@link settle} before it sleeps. The
 * guest does not run while the card works: what it finds in the rings cannot change under it.
 */
export class VirtioNet implements VirtioDevice {
  readonly type = 1;
  readonly classCode = 0x020000;
  readonly features = Object.values(NetFeature);
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE, CONTROL_QUEUE_SIZE];
  /** Before there was a control queue. */
  readonly olderQueueCounts = [2];
  readonly configSize = 12;

  private host!: VirtioHost;
  private transmitter!: Transmitter;
  private receiver!: Receiver;
  private control!: ControlQueue;
  private readonly card: Card;
  private readonly tx = new DispatchMode();
  private readonly rx = new DispatchMode();
  private readonly early = new EarlyInterrupts();
  /** Buffers were used that the driver wants to hear of, and has not. */
  private owed = false;
  /** The rings' notification flags may be those of another mode, and kicks may have been missed. */
  private unsynced = false;
  /** Notifications are asked for in a vmm-driven direction, because the dispatcher is about to sleep. */
  private settled = false;

  constructor(private readonly options: NetOptions) {
    this.card = {
      identity: Uint8Array.from(options.mac),
      mac: Uint8Array.from(options.mac),
      mtu: options.mtu,
      linkUp: true,
      announcing: false,
      spoofGuard: false,
      accepted: 0n,
      counters: emptyNetMetrics(),
    };
  }

  attach(host: VirtioHost): void {
    this.host = host;
    this.transmitter = new Transmitter(host, this.card);
    this.receiver = new Receiver(host, this.card);
    this.control = new ControlQueue(host, this.card, this.receiver.filter);
  }

  // what the host says

  configure({ mode, optimisticInterrupts, spoofGuard, linkUp }: NetSettings): void {
    if (mode !== undefined) {
      const changed = [this.tx.set(mode), this.rx.set(mode)];
      this.unsynced ||= changed.includes(true);
    }
    if (optimisticInterrupts !== undefined) this.early.enabled = optimisticInterrupts;
    if (spoofGuard !== undefined) this.card.spoofGuard = spoofGuard;
    if (linkUp !== undefined && linkUp !== this.card.linkUp) {
      this.card.linkUp = linkUp;
      this.host.configChanged();
    }
  }

  /** The NIC's address from now on, over one that the driver chose: a clone of a VM gets its own. */
  setMac(mac: Uint8Array): void {
    if (same(this.card.identity, mac)) return;
    this.card.identity = Uint8Array.from(mac);
    this.card.mac = Uint8Array.from(mac);
    this.host.configChanged();
  }

  /** Asks the guest to tell the network where it is (gratuitous ARP), as after a migration. */
  announce(): void {
    if (!this.host.running || !this.host.negotiated(NetFeature.guestAnnounce)) return;
    this.card.announcing = true;
    this.host.configChanged();
  }

  /** Frames for the guest, in order. The card takes the arrays over; it writes `num_buffers` into them. */
  receive(frames: Uint8Array[]): void {
    let accepted = 0;
    for (const frame of frames) if (this.receiver.accept(frame)) accepted++;
    this.rx.note(accepted);
    if (this.rx.inForce === 'vmm-driven') return;
    this.deliver(ALL);
    // with optimistic interrupts, what tells the guest is the end of the batch
    if (!this.early.enabled) this.interrupt();
  }

  /** Frames are on their way that {@link receive} will get. True if the guest was interrupted. */
  expect(): boolean {
    const queue = this.host.queue(RX);
    if (!this.host.running || !queue.enabled || !this.card.linkUp) return false;
    if (!queue.interruptsNext() || !this.early.expect()) return false;
    this.card.counters.interrupts++;
    this.host.interrupt();
    return true;
  }

  /**
   * The dispatcher's turn, and the end of a batch of received frames.
   * @param now milliseconds of a clock that does not go back
   * @returns true if there was work: the guest may have something to do, and more may wait
   */
  poll(now: number): boolean {
    if (!this.host.running) return false;
    const changed = [this.tx.tick(now), this.rx.tick(now)];
    if (this.unsynced || changed.includes(true)) this.synchronize();
    let worked = false;
    if (this.tx.inForce === 'vmm-driven' || this.rx.inForce === 'vmm-driven') {
      this.card.counters.polls++;
      if (this.tx.inForce === 'vmm-driven') worked = this.transmit(DISPATCH_QUOTA) > 0;
      if (this.rx.inForce === 'vmm-driven') worked = this.deliver(DISPATCH_QUOTA) > 0 || worked;
    }
    return this.endBatch() || worked;
  }

  /**
   * The dispatcher is about to sleep: from now on the guest's next buffers make it notify, whatever the mode.
   * @returns true if something arrived before that held: it must look again instead
   */
  settle(): boolean {
    if (!this.host.running || this.settled) return false;
    const [rx, tx] = [this.host.queue(RX), this.host.queue(TX)];
    this.settled = true;
    if (this.rx.inForce === 'vmm-driven' && rx.enabled) rx.wantNotification(this.receiver.starved);
    if (this.tx.inForce !== 'vmm-driven' || !tx.enabled) return false;
    tx.wantNotification(true);
    return tx.pending() > 0;
  }

  // what the guest does

  /** `mac` u8[6], `status` u16, `max_virtqueue_pairs` u16, `mtu` u16 (5.1.4). */
  readConfig(offset: number): number {
    if (offset < 6) return this.card.mac[offset]!;
    switch (offset) {
      case 6:
        return (this.card.linkUp ? STATUS_LINK_UP : 0) | (this.card.announcing ? STATUS_ANNOUNCE : 0);
      case 8:
        return 1;
      case 10:
        return this.card.mtu & 0xff;
      case 11:
        return this.card.mtu >> 8;
      default:
        return 0;
    }
  }

  acceptable(features: bigint): boolean {
    return isCoherent(features);
  }

  start(): void {
    this.agree();
    this.synchronize();
  }

  notify(index: number): void {
    if (index === CONTROL) return this.control.serve(this.host.queue(CONTROL));
    this.card.counters.kicks++;
    if (index === TX) this.transmit(this.tx.inForce === 'vmm-driven' ? DISPATCH_QUOTA : ALL);
    else this.deliver(this.rx.inForce === 'vmm-driven' ? DISPATCH_QUOTA : ALL);
    this.interrupt();
  }

  acknowledged(): void {
    this.early.acknowledged();
  }

  reset(): void {
    this.receiver.reset();
    this.early.reset();
    this.card.accepted = 0n;
    this.card.mac = Uint8Array.from(this.card.identity);
    this.card.announcing = this.owed = this.unsynced = this.settled = false;
  }

  /** @returns how many chains were taken */
  private transmit(limit: number): number {
    const queue = this.host.queue(TX);
    if (!this.host.running || !queue.enabled) return 0;
    const frames: Uint8Array<ArrayBuffer>[] = [];
    const taken = this.transmitter.take(queue, limit, frames);
    this.tx.note(frames.length);
    if (this.tx.inForce === 'guest-driven') queue.wantNotification(true);
    else if (taken > 0) this.suppress();
    if (queue.publish()) this.owed = true;
    if (frames.length) this.options.transmit(frames);
    return taken;
  }

  /** @returns how many frames went into the ring */
  private deliver(limit: number): number {
    const queue = this.host.queue(RX);
    if (!this.host.running || !queue.enabled) return 0;
    const delivered = this.receiver.deliver(queue, limit);
    if (this.rx.inForce === 'guest-driven') queue.wantNotification(this.receiver.starved);
    else if (delivered > 0 || this.receiver.starved) this.suppress();
    if (delivered > 0) this.early.delivered();
    if (queue.publish()) this.owed = true;
    return delivered;
  }

  /** The dispatcher looks by itself: the vmm-driven directions need no kicks. */
  private suppress(): void {
    this.settled = false;
    const [rx, tx] = [this.host.queue(RX), this.host.queue(TX)];
    if (this.rx.inForce === 'vmm-driven' && rx.enabled) rx.wantNotification(false);
    if (this.tx.inForce === 'vmm-driven' && tx.enabled) tx.wantNotification(false);
  }

  /** Makes the rings' flags those of the modes in force, and takes what was left without a kick. */
  private synchronize(): void {
    this.unsynced = false;
    this.suppress();
    this.deliver(this.rx.inForce === 'vmm-driven' ? DISPATCH_QUOTA : ALL);
    this.transmit(this.tx.inForce === 'vmm-driven' ? DISPATCH_QUOTA : ALL);
    this.interrupt();
  }

  private interrupt(): boolean {
    if (!this.owed) return false;
    this.owed = false;
    this.card.counters.interrupts++;
    this.host.interrupt();
    return true;
  }

  private endBatch(): boolean {
    if (!this.interrupt()) return false;
    this.card.counters.endInterrupts++;
    return true;
  }

  private agree(): void {
    const { filter } = this.receiver;
    this.card.accepted = featureMask(this.features.filter(bit => this.host.negotiated(bit)));
    filter.byAddress = this.host.negotiated(NetFeature.ctrlRx);
    filter.byVlan = this.host.negotiated(NetFeature.ctrlVlan);
  }

  // saved state

  save(): NetState {
    const { mac, identity, linkUp, announcing, accepted } = this.card;
    return {
      version: NET_STATE_VERSION,
      mac: Uint8Array.from(mac),
      identity: Uint8Array.from(identity),
      link: linkUp ? 1 : 0,
      announce: announcing,
      accepted,
      backlog: this.receiver.backlog.toArray().map(frame => frame.slice()),
      filter: this.receiver.filter.save(),
      owed: this.owed,
    };
  }

  restore(saved: unknown): void {
    const state = checkNetState(this.host.name, saved);
    const { card, receiver } = this;
    this.reset();
    card.mac = Uint8Array.from(state.mac);
    card.identity = Uint8Array.from(state.identity);
    card.linkUp = state.link === 1;
    card.announcing = state.announce;
    this.agree();
    if (state.filter) receiver.filter.restore(state.filter);
    for (const frame of state.backlog) receiver.backlog.push(frame);
    this.owed = state.owed;
    this.unsynced = true;
  }

  metrics(): Metrics {
    const { backlog } = this.receiver;
    return {
      ...this.card.counters,
      earlyInterrupts: this.early.injected,
      spuriousInterrupts: this.early.spurious,
      modeSwitches: this.tx.switches + this.rx.switches,
      rxBacklogFrames: backlog.length,
      rxBacklogBytes: backlog.bytes,
    };
  }

  /** How frames are dispatched now, and what that cost so far. */
  dispatch(): NicDispatch {
    const { kicks, interrupts, polls } = this.card.counters;
    return {
      mode: this.tx.mode,
      transmit: this.tx.inForce,
      receive: this.rx.inForce,
      kicks,
      interrupts,
      earlyInterrupts: this.early.injected,
      spuriousInterrupts: this.early.spurious,
      polls,
      switches: this.tx.switches + this.rx.switches,
    };
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);
