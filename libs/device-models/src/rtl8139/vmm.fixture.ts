import type { DeniedDma, DmaWindow, HookRule, IoAccess } from '@v3vee/contracts';
import { Rtl8139, type DmaAccess } from '@v3vee/devices';
import { type Card, type Rig } from '@v3vee/devices/src/ethernet/cards.fixture';
import { MAC_A, TestWire } from '@v3vee/devices/src/ethernet/testing';
import { TestLine, testMemory } from '@v3vee/devices/src/virtio/testing';
import type { DeviceContext, VirtualRegister } from '../model';
import { rtl8139Model } from './model';
import type { Rtl8139ModelState, Rtl8139Variant } from './state';

export type Context = DeviceContext<Rtl8139ModelState>;
type Width = IoAccess['size'];

const touches = (offset: number, size: number, at: number, length: number): boolean =>
  offset < at + length && at < offset + size;

/**
 * Transfers for one access after which they are denied: a C+ goes round for ever in a receive ring of empty buffers
 * that ends before its position.
 */
const ENDLESS = 20_000;

/**
 * A guest's machine with a real card, and the least VMM and DMM that do what the model says: exits are observed first,
 * open accesses go to the card, what no register takes is virtual. It shows itself as a card, so that whatever drives
 * a card can drive it. The card's DMA guard is the oracle: it notes what leaves the model's windows.
 */
export class TestVmm implements Card, Rig {
  readonly wire = new TestWire();
  readonly line = new TestLine();
  readonly memory;
  readonly silicon: Rtl8139;
  readonly model;
  /** Transfers that the card tried outside of RAM. */
  readonly violations: DmaAccess[] = [];
  /** Transfers that the card tried in RAM, but outside of the model's windows. */
  readonly escaped: DmaAccess[] = [];
  readonly denied: DeniedDma[] = [];
  readonly count = { open: 0, shadow: 0, exit: 0 };
  readonly opened: Record<string, number> = {};
  /** Registers that the guest sees as 0: those that a test does not compare. */
  hidden: [offset: number, length: number][] = [];
  time = 0;
  state: Rtl8139ModelState;
  virtual: VirtualRegister[] = [];
  private notes: Record<number, number> = {};
  private hooks: HookRule[] = [];
  private windows: DmaWindow[] = [];
  private switching = false;
  /** Transfers since the last access or frame. */
  private asked = 0;

  constructor(
    readonly variant: Rtl8139Variant,
    { mac = MAC_A, size = 64 << 10, emulated = false } = {},
  ) {
    this.memory = testMemory(size);
    this.model = rtl8139Model(variant);
    this.emulated = emulated;
    this.silicon = new Rtl8139(
      'card',
      {
        mac,
        model: variant === 'rtl8139' ? 'C' : 'C+',
        line: this.wire,
        now: () => this.time,
        guard: access => this.guard(access),
        onDmaViolation: access => {
          if (this.asked < ENDLESS) this.violations.push(access);
        },
      },
      this.memory,
      this.line,
    );
    this.state = this.model.initialState();
    this.refresh();
  }

  /** Every access is an exit. */
  readonly emulated: boolean;

  // as a card

  get card(): Card {
    return this;
  }
  get name() {
    return this.silicon.name;
  }
  get config() {
    return this.silicon.config;
  }
  get bars() {
    return this.silicon.bars;
  }

  read(offset: number, size: number): number {
    this.account('read', offset, size, 0);
    let value = this.silicon.read(offset, size);
    for (let i = 0; i < size; i++) {
      const old = Math.floor(value / 2 ** (8 * i)) & 0xff;
      value += (this.byte(offset + i, old) - old) * 2 ** (8 * i);
    }
    return value;
  }

  private byte(at: number, value: number): number {
    if (this.hidden.some(([offset, length]) => touches(at, 1, offset, length))) return 0;
    for (const { kind, offset, size, value: content } of this.virtual) {
      if (!touches(at, 1, offset, size)) continue;
      const byte = (content >>> (8 * (at - offset))) & 0xff;
      value = kind === 'sticky' ? value | byte : byte;
    }
    return value;
  }

  write(offset: number, size: number, value: number): void {
    const hook = this.account('write', offset, size, value);
    if (hook === 'exit') {
      const access: IoAccess = { direction: 'write', offset, size: size as Width, value, page: 0 };
      const { state, denied } = this.model.observe(this.state, access, { memorySize: this.memory.size });
      this.state = state;
      this.refresh();
      if (denied) return void this.denied.push(denied);
    }
    if (hook === 'shadow') {
      for (let i = 0; i < size; i++) this.notes[offset + i] = (value >>> (8 * i)) & 0xff;
    }
    this.asked = 0;
    this.silicon.write(offset, size, value);
    this.written(offset, size, value);
  }

  private account(direction: IoAccess['direction'], offset: number, size: number, value: number) {
    const hook = this.emulated ? 'exit' : this.classOf(direction, offset, size, value);
    this.count[hook]++;
    if (hook === 'open' && direction === 'write') {
      const name = this.model.registerName({ direction, offset, size: size as Width, page: 0 });
      this.opened[name] = (this.opened[name] ?? 0) + 1;
    }
    return hook;
  }

  private classOf(direction: IoAccess['direction'], offset: number, size: number, value: number) {
    const classes = this.hooks
      .filter(rule => rule.direction === direction && touches(offset, size, rule.offset, rule.length))
      .filter(({ when, offset: at }) => {
        const byte = (value >>> (8 * (at - offset))) & 0xff;
        return !when || (at >= offset && at < offset + size && when.equals.includes(byte & when.mask));
      })
      .map(rule => rule.class);
    return classes.includes('exit') ? 'exit' : classes.includes('shadow') ? 'shadow' : 'open';
  }

  private written(offset: number, size: number, value: number): void {
    const byteAt = (at: number) => (value >>> (8 * (at - offset))) & 0xff;
    this.virtual = this.virtual.filter(register => {
      for (const { offset: at, length, mask = 0xff, equals } of register.until ?? []) {
        for (let i = Math.max(at, offset); i < Math.min(at + length, offset + size); i++) {
          if (!equals || equals.includes(byteAt(i) & mask)) return false;
        }
      }
      if (register.kind === 'fixed') return true;
      for (let i = 0; i < register.size; i++) {
        const at = register.offset + i;
        if (touches(at, 1, offset, size)) register.value &= ~(byteAt(at) << (8 * i));
      }
      return register.value !== 0;
    });
  }

  receive(frame: Uint8Array): void {
    this.asked = 0;
    this.silicon.receive(frame);
  }
  setLink(up: boolean): void {
    this.silicon.setLink(up);
  }
  poll(): void {
    this.silicon.poll();
  }
  reset(): void {
    this.silicon.reset();
  }
  save() {
    return this.silicon.save();
  }
  restore(state: unknown): void {
    this.silicon.restore(state);
  }
  metrics() {
    return this.silicon.metrics();
  }

  // as a VMM

  /** The interrupt that the guest sees. */
  get interrupt(): boolean {
    const sticky = this.virtual.reduce((all, { kind, value }) => (kind === 'sticky' ? all | value : all), 0);
    return this.line.up || (sticky & this.model.interruptMask(this.registers)) !== 0;
  }

  get registers() {
    return this.silicon;
  }

  get reusable() {
    return this.model.reusable({ registers: this.silicon, memory: this.memory });
  }

  takeContext(): Context {
    const context = this.switched(() =>
      this.model.save({ registers: this.silicon, memory: this.memory }, this.notes, this.state),
    );
    this.notes = {};
    const fresh = context.virtual.map(register => {
      const old = this.virtual.find(each => each.offset === register.offset);
      if (!old) return register;
      return old.kind === 'fixed' ? old : { ...register, value: register.value | old.value };
    });
    const others = this.virtual.filter(old => !fresh.some(each => each.offset === old.offset));
    return structuredClone({ ...context, virtual: [...fresh, ...others] });
  }

  giveContext(context: Context | null): void {
    this.switched(() => this.model.restore({ registers: this.silicon, memory: this.memory }, context));
    this.notes = {};
    this.virtual = structuredClone(context?.virtual ?? []);
    this.state = structuredClone(context?.state ?? this.model.initialState());
    this.refresh();
  }

  refresh(): void {
    this.hooks = this.model.hooks(this.state);
    this.windows = this.model.windows(this.state, { memorySize: this.memory.size });
  }

  /** Another machine whose guest is the same, card and memory included, made through what the card saves of itself. */
  copy(silicon: unknown = this.silicon.save()): TestVmm {
    const made = new TestVmm(this.variant, { size: this.memory.size, emulated: this.emulated });
    made.time = this.time;
    made.memory.bytes().set(this.memory.bytes());
    made.silicon.restore(structuredClone(silicon));
    made.virtual = structuredClone(this.virtual);
    made.state = structuredClone(this.state);
    made.notes = { ...this.notes };
    made.refresh();
    return made;
  }

  private switched<T>(work: () => T): T {
    this.switching = true;
    try {
      return work();
    } finally {
      this.switching = false;
    }
  }

  private guard(access: DmaAccess): boolean {
    if (this.switching) return true;
    if (++this.asked >= ENDLESS) return false;
    const { direction, address, length } = access;
    const open = this.windows.some(
      window =>
        window.direction === direction &&
        address >= window.address &&
        address + length <= window.address + window.length,
    );
    if (!open) this.escaped.push(access);
    return open;
  }
}
