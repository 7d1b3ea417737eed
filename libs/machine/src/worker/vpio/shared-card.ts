import { formatMac } from '@v3vee/wire';
import type { DmaWindow, IoAccess } from '@v3vee/contracts';
import type { DeviceAtRest, DeviceContext, DeviceModel } from '@v3vee/device-models';
import {
  DeviceFault,
  type DmaAccess,
  type GuestMemory,
  type InterruptLine,
  type Metrics,
  type PciBar,
} from '@v3vee/devices';
import type { Card } from '../cards';
import { Account } from './account';
import { Hook, HookList } from './hook-list';
import type { FromSharedCard, ModelState, SharedCardAccount, Sharing, ToSharedCard } from './messages';
import { checkSharedCardState, SHARED_CARD_STATE_VERSION, type SharedCardState } from './state';
import { Trace } from './trace';
import { VirtualRegisters } from './virtual-registers';

/** What a shared card needs of the thread that it is used in. */
export interface SharedCardHost {
  post(message: FromSharedCard): void;
  /**
   * Keeps the thread, and with it the guest, until `done`; what arrives meanwhile is taken in, {@link SharedCard.handle}
   * included.
   */
  block(done: () => boolean): void;
}

export interface SharedCardOptions {
  name: string;
  /** Of the guest: it is in the card's PROM while the guest has the card. */
  mac: Uint8Array<ArrayBuffer>;
  sharing: Sharing;
  model: DeviceModel;
  memory: GuestMemory;
  interrupt: InterruptLine;
  host: SharedCardHost;
  /** Makes the silicon, whose line and DMA guard are ours. */
  hardware(parts: HardwareParts): Card;
}

export interface HardwareParts {
  interrupt: InterruptLine;
  guard(access: DmaAccess): boolean;
  onDmaViolation(access: DmaAccess): void;
}

const READ_DENIED = 0xffffffff;

/**
 * A guest's view of a physical card that it shares with others (VPIO). While the guest has the card, accesses go
 * straight to it, but for those that the hooked I/O list names; while it has not, its first access stands still until
 * the DMM has given it the card. The guest never notices but by the time it takes.
 *
 * The card's silicon is in the thread of whoever has it; what the last holder left in it travels along, and the model
 * restores the guest's context over that.
 */
export class SharedCard implements Card {
  readonly name: string;
  readonly config: Uint8Array;
  readonly bars: readonly PciBar[];

  private readonly silicon: Card;
  private readonly model: DeviceModel;
  private readonly word: Int32Array;
  private readonly ticket: number;
  private readonly atRest: DeviceAtRest;
  private readonly counts = new Account();
  private readonly trace: Trace;
  private hooks = new HookList();
  private windows: DmaWindow[] = [];
  private virtual = new VirtualRegisters();
  private notes: Record<number, number> = {};
  private state: ModelState;
  /** What the guest left in the card when it last had it; null: nothing, it never used one. */
  private context: DeviceContext | null = null;
  private present = false;
  private forced = false;
  /** What was wished for since the card was here last. */
  private wished: 'access' | 'frame' | undefined;
  /**
   * An access waited for the card and has not been made yet: the card stays until then, however soon it is called back,
   * so that each time a guest gets it, it gets on.
   */
  private entering = false;
  /** It has just come: frames that it was wanted for get in, however soon it is called back. */
  private fresh = false;
  /** A verdict is waited for: the card must stay. */
  private asking = false;
  private verdict: Extract<ToSharedCard, { kind: 'verdict' }> | undefined;
  private sequence = 0;
  private page = 0;
  private mayMaster = false;
  private siliconLine = false;
  private guestLine = false;
  /** The VMM works on the card itself: no interrupts, no guard. */
  private switching = false;

  constructor(private readonly options: SharedCardOptions) {
    const { name, model, sharing, memory } = options;
    this.name = name;
    this.model = model;
    this.word = new Int32Array(sharing.word);
    this.ticket = sharing.ticket;
    this.silicon = options.hardware({
      interrupt: { raise: () => this.siliconChanged(true), lower: () => this.siliconChanged(false) },
      guard: access => this.switching || this.windows.some(window => covers(window, access)),
      onDmaViolation: access => this.violation(access),
    });
    this.config = this.silicon.config;
    this.bars = this.silicon.bars;
    this.state = model.initialState() as ModelState;
    this.trace = new Trace(model, (events, dropped) => options.host.post({ kind: 'trace', events, dropped }));
    this.atRest = {
      memory,
      registers: {
        read: (offset, size) => this.silicon.read(offset, size),
        write: (offset, size, value) => this.silicon.write(offset, size, value),
      },
    };
  }

  // what the guest uses

  read(offset: number, size: number): number {
    if (!this.mine) this.hold();
    const hook = this.hooks.ofRead(offset, size);
    this.counts.countRead(this.page, offset, size, hook);
    const denied = hook === Hook.exit && !this.ask('read', offset, size, 0);
    let value = denied ? READ_DENIED >>> (32 - 8 * size) : this.silicon.read(offset, size);
    if (this.virtual.any) value = this.virtual.read(this.page, offset, size, value);
    if (this.trace.on) this.trace.access(this.accessOf('read', offset, size, value), hook);
    return value;
  }

  write(offset: number, size: number, value: number): void {
    if (!this.mine) this.hold();
    const hook = this.hooks.ofWrite(offset, size, value);
    this.counts.countWrite(this.page, offset, size, hook);
    if (this.trace.on) this.trace.access(this.accessOf('write', offset, size, value), hook);
    if (hook === Hook.exit && !this.ask('write', offset, size, value)) return;
    // a wide access that is an exit may reach registers that are to be noted
    if (hook !== Hook.open) this.note(offset, size, value);
    const { page } = this;
    this.silicon.write(offset, size, value);
    if (offset === 0) this.page = this.model.page(this.atRest.registers);
    if (!this.virtual.any) return;
    this.virtual.written(page, offset, size, value);
    this.updateLine();
  }

  setBusMaster(enabled: boolean): void {
    this.mayMaster = enabled;
    if (this.present) this.silicon.setBusMaster?.(enabled);
  }

  // what the segment uses

  /** A frame that the guest sent may leave only under its own address: others on the card trust theirs to be theirs. */
  admits(frame: Uint8Array): boolean {
    const own = formatMac(frame, 6) === formatMac(this.options.mac, 0);
    if (own) this.counts.transmitted++;
    else this.counts.spoofed++;
    return own;
  }

  /** Asked when a frame waits: without the card, that is a reason to ask for it. */
  ready(): boolean {
    if (!this.present) this.wish('frame');
    return this.present && (this.fresh || this.mine) && !this.asking && this.silicon.ready();
  }

  receive(frame: Uint8Array): void {
    this.counts.received++;
    if (this.trace.on) this.trace.frame(frame.length);
    this.silicon.receive(frame);
  }

  setMac(mac: Uint8Array<ArrayBuffer>): void {
    this.options.mac = mac;
    if (this.present) this.silicon.setMac(mac);
  }

  // what the VMM uses

  handle(message: ToSharedCard): void {
    switch (message.kind) {
      case 'grant':
        return this.granted(message);
      case 'recall':
        this.forced ||= message.force;
        return this.release();
      case 'verdict':
        if (message.sequence === this.sequence) this.verdict = message;
        return;
      case 'trace':
        this.trace.on = message.on;
        return;
    }
  }

  /** What came with the last message has been seen to. */
  settled(): void {
    this.fresh = false;
  }

  poll(): void {
    if (!this.present) return;
    this.silicon.poll?.();
    if (!this.mine) this.release();
  }

  /** Hands out what was traced. */
  flush(): void {
    this.trace.flush();
  }

  account(port: { held: number; dropped: number }): SharedCardAccount {
    const { counts } = this;
    return {
      registers: counts.registers(this.model),
      interrupts: counts.interrupts,
      denied: counts.denied,
      exits: counts.exits,
      exitMs: counts.exitMs,
      frames: {
        received: counts.received,
        transmitted: counts.transmitted,
        spoofed: counts.spoofed,
        ...port,
      },
    };
  }

  metrics(): Metrics {
    return this.silicon.metrics();
  }

  reset(): void {
    this.context = null;
    this.state = this.model.initialState() as ModelState;
    if (this.present) this.restoreContext();
  }

  /** The guest stands still; the card stays where it is. */
  save(): SharedCardState {
    if (this.present) {
      this.saveContext();
      this.restoreContext();
    }
    return {
      version: SHARED_CARD_STATE_VERSION,
      kind: 'shared-card',
      model: this.model.model,
      context: this.context,
      line: this.guestLine,
    };
  }

  restore(saved: unknown): void {
    const { context, line } = checkSharedCardState(this.name, this.model, saved);
    this.context = context;
    this.state = (context?.state ?? this.model.initialState()) as ModelState;
    if (this.present) return this.restoreContext();
    this.guestLine = !line; // so that the line is told in any case
    this.setLine(line);
  }

  // having the card or not

  /**
   * The card is here and nobody wants it back. A plain read: that an access sees the word an instant late is harmless,
   * since nobody gets the card before this thread gave it back, and `Atomics.load` is a call that cost 6 ns of 40.
   */
  private get mine(): boolean {
    return this.present && this.word[0] === this.ticket;
  }

  /** Returns when the guest may use the card; a recalled one goes first, unless it is not reusable yet. */
  private hold(): void {
    if (this.present) this.release();
    if (this.present) return;
    this.entering = true;
    this.wish('access');
    this.options.host.block(() => this.present);
    this.entering = false;
  }

  private wish(why: 'access' | 'frame'): void {
    if (this.wished === why || this.wished === 'access') return;
    this.wished = why;
    this.options.host.post({ kind: 'wish', why, state: this.state });
  }

  private granted({ silicon, hooks, windows }: Extract<ToSharedCard, { kind: 'grant' }>): void {
    this.hooks = new HookList(hooks);
    this.windows = windows;
    this.forced = false;
    this.wished = undefined;
    if (silicon) this.silicon.restore(silicon);
    else this.silicon.reset();
    this.restoreContext();
    this.present = this.fresh = true;
    this.updateLine();
    this.trace.switched('has the card');
    this.options.host.post({ kind: 'granted' });
  }

  /** Gives the card back if it is wanted and reusable. */
  private release(): void {
    if (!this.present || this.entering || this.asking || this.mine) return;
    const reusable = this.model.reusable(this.atRest);
    if (reusable !== true && !this.forced) return;
    this.saveContext();
    this.present = false;
    this.trace.switched(
      reusable === true ? 'gives the card back' : `gives the card back by force: ${reusable}`,
    );
    this.options.host.post({
      kind: 'released',
      silicon: this.silicon.save(),
      context: this.context!,
      forced: reusable !== true,
    });
  }

  private saveContext(): void {
    this.whileSwitching(() => {
      const saved = this.model.save(this.atRest, this.notes, this.state);
      this.context = { ...saved, virtual: this.virtual.mergedInto(saved.virtual) };
    });
    this.notes = {};
    this.state = this.context!.state as ModelState;
  }

  private restoreContext(): void {
    this.whileSwitching(() => {
      this.silicon.setMac(this.options.mac);
      this.model.restore(this.atRest, this.context);
    });
    this.notes = {};
    this.virtual = new VirtualRegisters(structuredClone(this.context?.virtual ?? []));
    this.page = this.model.page(this.atRest.registers);
    this.updateLine();
  }

  /** The card may reach memory, whatever the guest allows it, and its interrupts mean nothing. */
  private whileSwitching(work: () => void): void {
    this.switching = true;
    this.silicon.setBusMaster?.(true);
    try {
      work();
    } finally {
      this.silicon.setBusMaster?.(this.mayMaster);
      this.switching = false;
    }
  }

  // exits

  private ask(direction: IoAccess['direction'], offset: number, size: number, value: number): boolean {
    const access = this.accessOf(direction, offset, size, value);
    return this.decide(sequence => ({ kind: 'exit', sequence, access, state: this.state }));
  }

  private violation({ register, direction, address, length }: DmaAccess): void {
    if (this.switching) return;
    this.counts.denied++;
    this.decide(sequence => ({
      kind: 'violation',
      sequence,
      denied: { register, direction, address, length },
    }));
  }

  /** Stands still until the DMM has decided. @throws DeviceFault when that is the end of the guest */
  private decide(question: (sequence: number) => FromSharedCard): boolean {
    const started = performance.now();
    this.asking = true;
    this.verdict = undefined;
    this.options.host.post(question(++this.sequence));
    this.options.host.block(() => this.verdict !== undefined);
    this.asking = false;
    this.counts.exit(performance.now() - started);
    const { verdict, reason, state, hooks, windows } = this.verdict!;
    if (state) this.state = state;
    if (hooks) this.hooks = new HookList(hooks);
    if (windows) this.windows = windows;
    if (verdict !== 'proceed') this.trace.violation(reason);
    if (verdict === 'stop') throw new DeviceFault(this.name, reason);
    return verdict === 'proceed';
  }

  private note(offset: number, size: number, value: number): void {
    const at = 256 * this.page + offset;
    for (let i = 0; i < size; i++) this.notes[at + i] = (value >>> (8 * i)) & 0xff;
  }

  private accessOf(direction: IoAccess['direction'], offset: number, size: number, value: number): IoAccess {
    return { direction, offset, size: size as IoAccess['size'], value: value >>> 0, page: this.page };
  }

  // interrupts

  private siliconChanged(up: boolean): void {
    this.siliconLine = up;
    if (this.switching || !this.present) return;
    if (up) {
      this.counts.interrupts++;
      if (this.trace.on) this.trace.interrupt();
    }
    this.updateLine();
  }

  /** While the guest has not got the card, its line stays as it was: it will find out why when it looks. */
  private updateLine(): void {
    if (!this.present || this.switching) return;
    this.setLine(this.siliconLine || this.virtualInterrupt());
  }

  private virtualInterrupt(): boolean {
    if (!this.virtual.any) return false;
    const pending = this.virtual.sticky(this.model.interrupts.status.offset);
    return pending !== 0 && (pending & this.model.interruptMask(this.atRest.registers)) !== 0;
  }

  private setLine(up: boolean): void {
    if (up === this.guestLine) return;
    this.guestLine = up;
    if (up) this.options.interrupt.raise();
    else this.options.interrupt.lower();
  }
}

/** Whether a window that a register opened holds all of a transfer. */
const covers = (window: DmaWindow, { direction, address, length }: DmaAccess): boolean =>
  window.direction === direction &&
  address >= window.address &&
  address + length <= window.address + window.length;
