import { isDeepStrictEqual } from 'node:util';
import type { IoAccess } from '@v3vee/contracts';
import type { DeviceContext, DeviceModel } from '@v3vee/device-models';
import type { DmaAccess, GuestMemory, InterruptLine, Metrics, PciBar } from '@v3vee/devices';
import { formatMac } from '@v3vee/wire';
import type { Card } from '../cards';
import { Account } from './account';
import { Contexts } from './contexts';
import { Exits } from './exits';
import { Hook } from './hook-list';
import type { FromSharedCard, ModelState, SharedCardAccount, Sharing, ToSharedCard } from './messages';
import { checkSharedCardState, SHARED_CARD_STATE_VERSION, type SharedCardState } from './state';
import { Trace } from './trace';

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
  private readonly counts = new Account();
  private readonly trace: Trace;
  private readonly exits: Exits;
  private readonly contexts: Contexts;
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
  private page = 0;
  private mayMaster = false;
  private siliconLine = false;
  private guestLine = false;

  constructor(private readonly options: SharedCardOptions) {
    const { name, model, sharing, memory, host } = options;
    this.name = name;
    this.model = model;
    this.word = new Int32Array(sharing.word);
    this.ticket = sharing.ticket;
    this.silicon = options.hardware({
      interrupt: { raise: () => this.siliconChanged(true), lower: () => this.siliconChanged(false) },
      guard: access => this.contexts.underWay || this.exits.covers(access),
      onDmaViolation: access => {
        if (!this.contexts.underWay) this.exits.denied(access);
      },
    });
    this.config = this.silicon.config;
    this.bars = this.silicon.bars;
    this.trace = new Trace(model, (events, dropped) => host.post({ kind: 'trace', events, dropped }));
    this.exits = new Exits(name, model.initialState() as ModelState, host, this.counts, this.trace);
    this.contexts = new Contexts(model, this.silicon, memory);
  }

  // what the guest uses

  read(offset: number, size: number): number {
    if (!this.mine) this.hold();
    const hook = this.exits.hooks.ofRead(offset, size);
    this.counts.countRead(this.page, offset, size, hook);
    const denied = hook === Hook.exit && !this.exits.allows(this.accessOf('read', offset, size, 0));
    let value = denied ? READ_DENIED >>> (32 - 8 * size) : this.silicon.read(offset, size);
    const { virtual } = this.contexts;
    if (virtual.any) value = virtual.read(this.page, offset, size, value);
    if (this.trace.on) this.trace.access(this.accessOf('read', offset, size, value), hook);
    return value;
  }

  write(offset: number, size: number, value: number): void {
    if (!this.mine) this.hold();
    const hook = this.exits.hooks.ofWrite(offset, size, value);
    this.counts.countWrite(this.page, offset, size, hook);
    if (this.trace.on) this.trace.access(this.accessOf('write', offset, size, value), hook);
    if (hook === Hook.exit && !this.exits.allows(this.accessOf('write', offset, size, value))) return;
    const { page, contexts } = this;
    // a wide access that is an exit may reach registers that are to be noted
    if (hook !== Hook.open) contexts.note(page, offset, size, value);
    this.silicon.write(offset, size, value);
    if (offset === 0) this.page = this.model.page(contexts.atRest.registers);
    if (!contexts.virtual.any) return;
    contexts.virtual.written(page, offset, size, value);
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
    return this.present && (this.fresh || this.mine) && !this.exits.asking && this.silicon.ready();
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
        return this.exits.answered(message);
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
      exitsMs: counts.exitsMs,
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
    this.become(null);
    this.setLine(false);
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
      context: this.contexts.context,
      line: this.guestLine,
    };
  }

  restore(saved: unknown): void {
    const { context, line } = checkSharedCardState(this.name, this.model, saved);
    this.become(context);
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
    this.options.host.post({ kind: 'wish', why, state: this.exits.state });
  }

  private granted({ silicon, ...list }: Extract<ToSharedCard, { kind: 'grant' }>): void {
    this.forced = false;
    if (silicon) this.silicon.restore(silicon);
    else this.silicon.reset();
    if (!this.isOfNow(list.state)) return this.giveBack('gives back a card that came too late', false);
    this.exits.inForce(list);
    this.wished = undefined;
    this.restoreContext();
    this.present = this.fresh = true;
    this.updateLine();
    this.trace.switched('has the card');
    this.options.host.post({ kind: 'granted' });
  }

  /** Compared as what comes from outside: what was found out about a state since is not part of it. */
  private isOfNow(state: ModelState): boolean {
    const { model, exits } = this;
    return isDeepStrictEqual(model.checkState(state), model.checkState(exits.state));
  }

  /** Gives the card back if it is wanted and reusable. */
  private release(): void {
    if (!this.present || this.entering || this.exits.asking || this.mine) return;
    const reusable = this.model.reusable(this.contexts.atRest);
    if (reusable !== true && !this.forced) return;
    this.saveContext();
    const how = reusable === true ? '' : ` by force: ${reusable}`;
    this.giveBack(`gives the card back${how}`, reusable !== true);
  }

  /**
   * The guest is another one from now on: what it left in the card says nothing about it, and nor do hooks and windows. It
   * gets those that are right when it asks for the card again.
   */
  private become(context: DeviceContext | null): void {
    this.contexts.context = context;
    this.exits.state = (context?.state ?? this.model.initialState()) as ModelState;
    this.wished = undefined;
    if (this.present) this.giveBack('gives the card back: it was reset or restored', false);
  }

  private giveBack(why: string, forced: boolean): void {
    this.present = false;
    this.wished = undefined;
    this.trace.switched(why);
    this.options.host.post({
      ...{ kind: 'released', silicon: this.silicon.save(), context: this.contexts.context, forced },
    });
    if (this.entering) this.wish('access');
  }

  private saveContext(): void {
    this.exits.state = this.contexts.save(this.exits.state, this.mayMaster);
  }

  private restoreContext(): void {
    this.contexts.restore(this.options.mac, this.mayMaster);
    this.page = this.model.page(this.contexts.atRest.registers);
    this.updateLine();
  }

  private accessOf(direction: IoAccess['direction'], offset: number, size: number, value: number): IoAccess {
    return { direction, offset, size: size as IoAccess['size'], value: value >>> 0, page: this.page };
  }

  // interrupts

  private siliconChanged(up: boolean): void {
    this.siliconLine = up;
    if (this.contexts.underWay || !this.present) return;
    if (up) {
      this.counts.interrupts++;
      if (this.trace.on) this.trace.interrupt();
    }
    this.updateLine();
  }

  /** While the guest has not got the card, its line stays as it was: it will find out why when it looks. */
  private updateLine(): void {
    if (!this.present || this.contexts.underWay) return;
    this.setLine(this.siliconLine || this.virtualInterrupt());
  }

  private virtualInterrupt(): boolean {
    const { virtual, atRest } = this.contexts;
    if (!virtual.any) return false;
    const pending = virtual.sticky(this.model.interrupts.status.offset);
    return pending !== 0 && (pending & this.model.interruptMask(atRest.registers)) !== 0;
  }

  private setLine(up: boolean): void {
    if (up === this.guestLine) return;
    this.guestLine = up;
    if (up) this.options.interrupt.raise();
    else this.options.interrupt.lower();
  }
}
