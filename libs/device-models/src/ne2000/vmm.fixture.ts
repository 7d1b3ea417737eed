import { deserialize, serialize } from 'node:v8';
import type { HookRule, IoAccess } from '@v3vee/contracts';
import { ne2000Registers, type Ne2000 } from '@v3vee/devices';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the cards' test kit is no part of what the library offers
import { RIGS, type Card, type Rig } from '../../../devices/src/ethernet/cards.fixture';
import type { DeviceContext, DeviceRegisters, VirtualRegister } from '../model';
import { initialState, type Ne2000ModelState } from './hooks';
import { ne2000Model } from './model';

const { Cr, DATA_PORT, RESET_PORT } = ne2000Registers;

type Context = DeviceContext<Ne2000ModelState>;

/** Across a process and a file, checked as what comes from there. */
export const carried = (context: Context): Context =>
  ne2000Model.checkContext(deserialize(serialize(context)));

/**
 * The smallest VMM that does for its guest what the model's contract says: hooks, notes, virtual registers, the line.
 * It takes accesses of several registers apart, which is what the card does with them.
 */
export class TestVmm implements Card {
  readonly name = 'vmm';
  readonly config;
  readonly bars;
  readonly counts = { open: 0, shadow: 0, exit: 0 };
  state = initialState();
  /** The guest asked what the contract of virtual registers does not cover: see {@link writeByte}. */
  doubtful = false;
  private virtual: VirtualRegister[] = [];
  private notes: Record<number, number> = {};
  private readonly registers: DeviceRegisters;

  constructor(
    readonly silicon: Ne2000,
    private readonly line: { up: boolean },
    /** Registers that a comparison leaves out: they read as 0. */
    private readonly hidden: readonly string[] = [],
  ) {
    this.config = silicon.config;
    this.bars = silicon.bars;
    this.registers = {
      read: (offset, size) => silicon.read(offset, size),
      write: (offset, size, value) => silicon.write(offset, size, value),
    };
  }

  // the guest

  read(offset: number, size: number): number {
    this.hook({ direction: 'read', offset, size: size as 1, value: 0, page: this.page });
    if (offset + size > DATA_PORT) {
      const value = this.silicon.read(offset, size);
      // what a reset clears stays virtual until it is acknowledged, which is what drivers do then
      if (offset >= RESET_PORT) this.writeByte(0x07, 0xff);
      return value;
    }
    let value = 0;
    for (let i = 0; i < size; i++) value += this.readByte(offset + i) * 2 ** (8 * i);
    return value;
  }

  write(offset: number, size: number, value: number): void {
    this.hook({ direction: 'write', offset, size: size as 1, value: value >>> 0, page: this.page });
    if (offset + size > DATA_PORT) return this.silicon.write(offset, size, value);
    for (let i = 0; i < size; i++) this.writeByte(offset + i, (value >>> (8 * i)) & 0xff);
  }

  private readByte(offset: number): number {
    const { page } = this;
    let value = this.silicon.read(offset, 1);
    for (const register of this.virtual) {
      if (register.offset !== offset || register.page !== page) continue;
      value = register.kind === 'fixed' ? register.value : value | register.value;
    }
    const name = ne2000Model.registerName({ direction: 'read', offset, size: 1, page });
    return this.hidden.includes(name) ? 0 : value;
  }

  private writeByte(offset: number, value: number): void {
    const { page } = this;
    // a transmission or none, by whether the card runs: the virtual TSR cannot know
    if (offset === 0 && (value & 7) === Cr.transmit && this.silicon.read(0, 1) & Cr.stop)
      this.doubtful = true;
    this.silicon.write(offset, 1, value);
    this.virtual = this.virtual.filter(register => {
      if (register.kind === 'fixed') {
        return !register.until!.some(
          end =>
            offset >= end.offset &&
            offset < end.offset + end.length &&
            (end.equals === undefined || end.equals.includes(value & end.mask!)),
        );
      }
      if (register.offset === offset && register.page === page) register.value &= ~value;
      return register.value !== 0;
    });
  }

  get lineUp(): boolean {
    return this.line.up || (this.sticky & ne2000Model.interruptMask(this.registers)) !== 0;
  }

  private get sticky(): number {
    return this.virtual.reduce((bits, { kind, value }) => (kind === 'sticky' ? bits | value : bits), 0);
  }

  private get page(): number {
    return ne2000Model.page(this.registers);
  }

  // the VMM and the DMM

  private hook(access: IoAccess): void {
    const rules = ne2000Model.hooks(this.state).filter(rule => applies(rule, access));
    const kind = rules.some(rule => rule.class === 'exit') ? 'exit' : rules.length > 0 ? 'shadow' : 'open';
    this.counts[kind]++;
    if (kind === 'open') return;
    if (kind === 'exit') this.state = ne2000Model.observe(this.state, access, { memorySize: 0 }).state;
    const { direction, offset, size, value, page } = access;
    if (direction === 'read') return;
    for (let i = 0; i < size; i++) this.notes[256 * page + offset + i] = (value >>> (8 * i)) & 0xff;
  }

  get reusable(): true | string {
    return ne2000Model.reusable(this.atRest);
  }

  takeContext(): Context {
    const saved = ne2000Model.save(this.atRest, this.notes, this.state);
    return carried({ ...saved, virtual: merged(this.virtual, saved.virtual) });
  }

  putContext(context: Context | null): void {
    ne2000Model.restore(this.atRest, context);
    this.virtual = structuredClone(context?.virtual ?? []);
    this.state = context?.state ?? initialState();
    this.notes = {};
  }

  private get atRest() {
    return { registers: this.registers, memory: undefined as never };
  }

  /**
   * All that the guest could see of the card, or that decides what it will see: the card's own state with the virtual
   * registers in it, less what is the host's (link, PROM). The FIFO as it would be read.
   */
  visible() {
    const { registers, prom: _prom, fifo, ...rest } = this.silicon.save();
    const { link: _link, fifoAt, ...kept } = registers;
    const fixed = (name: string, value: number) => {
      const found = this.virtual.find(
        ({ kind, offset, page }) =>
          kind === 'fixed' && ne2000Model.registerName({ direction: 'read', offset, size: 1, page }) === name,
      );
      return this.hidden.includes(name) ? 0 : (found?.value ?? value);
    };
    return {
      ...rest,
      fifo: [...fifo.subarray(fifoAt), ...fifo.subarray(0, fifoAt)],
      registers: {
        ...kept,
        isr: kept.isr | this.sticky,
        tsr: fixed('TSR', kept.tsr),
        rsr: fixed('RSR', kept.rsr),
      },
    };
  }

  // the rest of a card

  receive(frame: Uint8Array): void {
    this.silicon.receive(frame);
  }
  setLink(up: boolean): void {
    this.silicon.setLink(up);
  }
  reset(): void {
    this.putContext(null);
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
}

/** What still stands of the last restore, with what the device says now: see `DeviceModel.save`. */
function merged(standing: VirtualRegister[], fresh: VirtualRegister[]): VirtualRegister[] {
  const same = (a: VirtualRegister) => (b: VirtualRegister) =>
    a.kind === b.kind && a.offset === b.offset && a.page === b.page;
  const others = fresh.filter(each => !standing.some(same(each)));
  const kept = standing.map(old => {
    const now = fresh.find(same(old));
    return now && old.kind === 'sticky' ? { ...old, value: old.value | now.value } : old;
  });
  return [...kept, ...others];
}

function applies(rule: HookRule, { direction, offset, size }: IoAccess): boolean {
  return rule.direction === direction && offset < rule.offset + rule.length && rule.offset < offset + size;
}

export interface VmmRig extends Rig {
  card: TestVmm;
  silicon: Ne2000;
}

/** A card with a VMM before it, for the random sequences of the cards' test kit. */
export function vmmRig(mac?: Uint8Array, hidden?: readonly string[]): VmmRig {
  const rig = RIGS.ne2000!(mac);
  const silicon = rig.card as Ne2000;
  return { ...rig, silicon, card: new TestVmm(silicon, rig.line, hidden) };
}

/** Tally counters are read before a switch: what was not read is lost in it. */
export function readTallies({ silicon }: VmmRig): void {
  const page = silicon.read(0, 1) >> Cr.pageShift;
  silicon.write(0, 1, 0);
  for (let at = 0x0d; at <= 0x0f; at++) silicon.read(at, 1);
  silicon.write(0, 1, page << Cr.pageShift);
}
