import {
  decodeHwsim,
  HWSIM_HEADER_BYTES,
  hwsimCommand,
  hwsimCommands,
  WireError,
  type HwsimMacUse,
} from '@v3vee/wire';
import { DeviceFault, type GuestMemory, type Metrics } from '../../platform';
import { FrameBacklog } from '../net/backlog';
import { Chain, gather, scatter } from '../queue';
import type { VirtioDevice, VirtioHost } from '../transport/device';
import { AddressUses } from './address-uses';
import { checkHwsimState, HWSIM_STATE_VERSION, type HwsimState } from './state';

const TX = 0;
const RX = 1;
const QUEUE_SIZE = 256;
/** An 802.11 frame has at most 11 454 bytes (IEEE 802.11-2020 §9.3.1). */
const MAX_MESSAGE = 12 << 10;
/** Linux stops at 200 frames that it has not heard of; with so many, the device leaves the rest in the ring. */
const MAX_UNANSWERED = 512;
/** Answers may be lost with the medium that owed them. */
const FORGIVE_MS = 1_000;
/** Received frames that may wait: what a guest that is busy for some 100 ms misses. */
const MAX_WAITING = 256;
const MAX_WAITING_BYTES = 512 << 10;
/** What became of the guest's own frames may always wait. */
const STATUS_BYTES = 96;
const LENGTH_BYTES = 4;

export interface HwsimOptions {
  /** Takes the messages that the guest's driver sent in one go. */
  transmit(messages: Uint8Array<ArrayBuffer>[]): void;
}

/**
 * The medium of a guest's simulated 802.11 radios: Linux's mac80211_hwsim sends what its radios transmit, with the
 * addresses that they use, and gets what they receive (device type 29; drivers/net/wireless/mac80211_hwsim.c, for
 * which virtio's specification has no more than the number). Messages are as `decodeHwsim` of `@v3vee/wire`
 * describes them; frames are not looked into.
 *
 * Whoever listens to {@link HwsimOptions.transmit} hears as many ends of uses of an address as begins: the device
 * ends them where the driver cannot (a reset), and begins them again where a saved guest goes on.
 */
export class VirtioHwsim implements VirtioDevice {
  readonly type = 29;
  readonly classCode = 0x028000;
  readonly features: readonly number[] = [];
  readonly queueSizes = [QUEUE_SIZE, QUEUE_SIZE];
  readonly configSize = 0;

  private host!: VirtioHost;
  private readonly chain = new Chain();
  private readonly uses = new AddressUses();
  private readonly backlog = new FrameBacklog(
    MAX_WAITING + MAX_UNANSWERED,
    MAX_WAITING_BYTES + MAX_UNANSWERED * STATUS_BYTES,
  );
  private unanswered = 0;
  /** Buffers were used that the driver wants to hear of, and has not. */
  private owed = false;
  /** When the device began to hold frames back; undefined: it does not, or has not seen the clock since. */
  private heldSince: number | undefined;
  private readonly counters = {
    /** Frames that the guest transmitted; bytes are those of whole messages. */
    txFrames: 0,
    txBytes: 0,
    /** Shorter than a message, longer than its buffer, or none that a guest sends. */
    txDroppedInvalid: 0,
    /** An address too many, or the end of a use that had not begun. */
    usesRefused: 0,
    /** How often frames stayed in the ring because too many were unanswered, and frames whose answer never came. */
    txHeld: 0,
    txForgiven: 0,
    rxFrames: 0,
    rxBytes: 0,
    /** What became of the guest's frames. */
    statuses: 0,
    /** The driver is not running. */
    rxDroppedDown: 0,
    /** No message, or longer than the guest's buffer. */
    rxDroppedSize: 0,
    /** Too many waited. */
    rxDroppedFull: 0,
    statusesDropped: 0,
    interrupts: 0,
  };

  constructor(private readonly options: HwsimOptions) {}

  attach(host: VirtioHost): void {
    this.host = host;
  }

  // what the host says

  /** Messages for the guest, in order; the device keeps the arrays. */
  receive(messages: readonly Uint8Array[]): void {
    const held = this.unanswered >= MAX_UNANSWERED;
    for (const message of messages) this.accept(message);
    this.deliver();
    if (held) this.transmit();
    this.interrupt();
  }

  /** Says again which addresses are in use, to a medium that knows nothing of this guest. */
  announce(): void {
    this.send(this.uses.messages('addMac'));
  }

  /** Frees a driver whose answers never came. @param now ms of a clock that does not go back @returns if it had work */
  poll(now: number): boolean {
    if (this.unanswered < MAX_UNANSWERED) {
      this.heldSince = undefined;
      return false;
    }
    this.heldSince ??= now;
    if (now - this.heldSince < FORGIVE_MS) return false;
    this.counters.txForgiven += this.unanswered;
    this.unanswered = 0;
    this.heldSince = undefined;
    const worked = this.transmit();
    this.interrupt();
    return worked;
  }

  // what the guest does

  readConfig(): number {
    return 0;
  }

  start(): void {}

  notify(index: number): void {
    if (index === TX) this.transmit();
    else this.deliver();
    this.interrupt();
  }

  reset(): void {
    this.send(this.uses.messages('delMac'));
    this.uses.restore([]);
    this.backlog.clear();
    this.unanswered = 0;
    this.heldSince = undefined;
  }

  private accept(message: Uint8Array): void {
    const { counters, backlog } = this;
    const command = message.length < HWSIM_HEADER_BYTES ? undefined : hwsimCommand(message);
    const isStatus = command === hwsimCommands.TX_INFO_FRAME;
    if (isStatus && this.unanswered > 0) this.unanswered--;
    if (!this.host.running) counters.rxDroppedDown++;
    else if (command === undefined || message.length > MAX_MESSAGE) counters.rxDroppedSize++;
    else if (isStatus) {
      if (!backlog.push(message)) counters.statusesDropped++;
    } else if (
      backlog.length >= MAX_WAITING ||
      backlog.bytes + message.length > MAX_WAITING_BYTES ||
      !backlog.push(message)
    ) {
      counters.rxDroppedFull++;
    }
  }

  private deliver(): void {
    const { counters, backlog, chain } = this;
    const queue = this.host.queue(RX);
    if (!this.host.running || !queue.enabled) return;
    for (let pending = queue.pending(); pending > 0 && backlog.length > 0;) {
      const message = backlog.peek()!;
      queue.pop(chain);
      if (chain.writableBytes === 0) throw new DeviceFault(this.host.name, 'receive buffer of no length');
      backlog.shift();
      if (message.length > chain.writableBytes) {
        queue.unpop(1);
        counters.rxDroppedSize++;
        continue;
      }
      queue.push(chain.head, scatter(this.host.memory, chain, message));
      pending--;
      if (hwsimCommand(message) === hwsimCommands.TX_INFO_FRAME) counters.statuses++;
      else counters.rxFrames++;
      counters.rxBytes += message.length;
    }
    queue.wantNotification(backlog.length > 0);
    if (queue.publish()) this.owed = true;
  }

  /** @returns whether there was anything */
  private transmit(): boolean {
    const queue = this.host.queue(TX);
    if (!this.host.running || !queue.enabled) return false;
    const messages: Uint8Array<ArrayBuffer>[] = [];
    let taken = 0;
    for (const pending = queue.pending(); taken < pending; taken++) {
      if (this.unanswered >= MAX_UNANSWERED) {
        this.counters.txHeld++;
        break;
      }
      queue.pop(this.chain);
      const message = this.read();
      if (message) messages.push(message);
      queue.push(this.chain.head, 0);
    }
    queue.wantNotification(true);
    if (queue.publish()) this.owed = true;
    this.send(messages);
    return taken > 0;
  }

  /** The message of a chain. Linux's buffer goes on behind it: only what the message says is its own is copied. */
  private read(): Uint8Array<ArrayBuffer> | undefined {
    const { chain, counters } = this;
    const { memory } = this.host;
    const length = chain.readableBytes < HWSIM_HEADER_BYTES ? 0 : lengthOf(memory, chain);
    if (length >= HWSIM_HEADER_BYTES && length <= Math.min(chain.readableBytes, MAX_MESSAGE)) {
      const message = gather(memory, chain, length);
      switch (hwsimCommand(message)) {
        case hwsimCommands.FRAME:
          this.unanswered++;
          counters.txFrames++;
          counters.txBytes += length;
          return message;
        case hwsimCommands.ADD_MAC_ADDR:
        case hwsimCommands.DEL_MAC_ADDR: {
          const use = readUse(message);
          if (!use) break;
          if (this.uses.note(use)) return message;
          counters.usesRefused++;
          return undefined;
        }
      }
    }
    counters.txDroppedInvalid++;
    return undefined;
  }

  private send(messages: Uint8Array<ArrayBuffer>[]): void {
    if (messages.length > 0) this.options.transmit(messages);
  }

  private interrupt(): void {
    if (!this.owed) return;
    this.owed = false;
    this.counters.interrupts++;
    this.host.interrupt();
  }

  // saved state

  save(): HwsimState {
    return {
      version: HWSIM_STATE_VERSION,
      backlog: this.backlog.toArray().map(message => message.slice()),
      uses: this.uses.save(),
      unanswered: this.unanswered,
    };
  }

  restore(saved: unknown): void {
    const state = checkHwsimState(this.host.name, saved);
    this.reset();
    for (const message of state.backlog) this.backlog.push(message);
    this.uses.restore(state.uses);
    this.unanswered = state.unanswered;
    this.announce();
  }

  metrics(): Metrics {
    return {
      ...this.counters,
      addressesInUse: this.uses.count,
      unanswered: this.unanswered,
      rxBacklogFrames: this.backlog.length,
      rxBacklogBytes: this.backlog.bytes,
    };
  }
}

const lengthOf = (memory: GuestMemory, chain: Chain): number =>
  new DataView(gather(memory, chain, LENGTH_BYTES).buffer).getUint32(0, true);

function readUse(message: Uint8Array): HwsimMacUse | undefined {
  try {
    const use = decodeHwsim(message);
    return use.kind === 'frame' ? undefined : use;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
