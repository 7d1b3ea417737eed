import { rtl8139Registers } from '@v3vee/devices';
import { ContextCheck, type Widths } from '../context-check';
import type { DeviceAtRest, DeviceContext, DeviceRegisters, ShadowNotes, VirtualRegister } from '../model';
import { violation } from './dma';
import { repairEeprom } from './eeprom';
import { CR } from './hooks';
import { enterLoopback, quiet } from './loopback';
import { probe } from './probe';
import { checkState, RING_BITS, type Rtl8139ModelState, type Rtl8139Variant } from './state';
import { OUTCOME, outcomeOf, windBuffer, windRings, windTransmit } from './wind';

const { BAR_SIZE, Cpcr, Cr, Eecr, Reg, Tsd } = rtl8139Registers;

export const RTL8139_CONTEXT_VERSION = 1;
const SCRATCH_LENGTH = Reg.lastScratch + 4 - Reg.firstScratch;
const UNITS = Cr.receive | Cr.transmit;
const MODES = Cpcr.transmit | Cpcr.receive;
const SLOTS = [0, 1, 2, 3] as const;

type Table = Readonly<Record<string, readonly [offset: number, size: 1 | 2 | 4]>>;

/** Read, and written back just so, while the configuration is unlocked. */
const PLAIN = {
  ...{ IDR0: [Reg.idr0, 4], IDR4: [Reg.idr4, 2], MAR0: [Reg.mar0, 4], MAR4: [Reg.mar4, 4] },
  ...{ CONFIG1: [Reg.config + 2, 1], CONFIG3: [Reg.msr + 1, 1], CONFIG4: [Reg.msr + 2, 1] },
  ...{ CONFIG5: [Reg.config5, 1], MSR: [Reg.msr, 1], MULINT: [Reg.mulint, 2], TimerInt: [Reg.timerInt, 4] },
  ...{ BMCR: [Reg.tsadSummary + 2, 2], ANAR: [Reg.bmsr + 2, 2] },
} as const satisfies Table;
/** So on a C+; they read as 0 on a C. */
const PLUS_PLAIN = {
  ...{ RDSARH: [Reg.rdsarHigh, 4], ETThR: [Reg.etthr, 1], RMS: [Reg.config5 + 2, 2] },
  IntrMitigate: [Reg.cpcr + 2, 2],
} as const satisfies Table;
const SHOWN = {
  ...PLAIN,
  ...PLUS_PLAIN,
  ...{ TSAD0: [Reg.tsad0, 4], TSAD1: [Reg.tsad0 + 4, 4] },
  ...{ TSAD2: [Reg.tsad0 + 8, 4], TSAD3: [Reg.tsad0 + 12, 4] },
  ...{ RBSTART: [Reg.rbstart, 4], CR: [CR, 1], CAPR: [Reg.capr, 2], CBR: [Reg.capr + 2, 2] },
  ...{ IMR: [Reg.imr, 2], TCR: [Reg.tcr, 4], RCR: [Reg.rcr, 4], '9346CR': [Reg.config, 1] },
  ...{ CPCR: [Reg.cpcr, 2], RDSAR: [Reg.rdsar, 4] },
} as const satisfies Table;
/** Not to be read just so: one mode hides them from the other; which descriptor each unit takes next. */
const HIDDEN = {
  ...{ TSD0: 32, TSD1: 32, TSD2: 32, TSD3: 32, DTCCR: 32, DTCCRH: 32 },
  ...{ TXNEXT: 2, TNPNEXT: 6, THPNEXT: 6, RXNEXT: 6 },
} as const;

type Name = keyof typeof SHOWN | keyof typeof HIDDEN;
type Registers = Record<Name, number>;
type Context = DeviceContext<Rtl8139ModelState>;

const mapped = <T extends object>(table: T, value: (content: T[keyof T]) => number) =>
  Object.fromEntries(Object.entries(table).map(([name, content]) => [name, value(content)])) as {
    [K in keyof T]: number;
  };
const WIDTHS: Widths<Registers> = { ...mapped(SHOWN, ([, size]) => 8 * size), ...HIDDEN };
const POWER_ON: Registers = {
  ...mapped(WIDTHS, () => 0),
  ...{ TSD0: Tsd.own, TSD1: Tsd.own, TSD2: Tsd.own, TSD3: Tsd.own },
  ...{ CAPR: 0xfff0, CONFIG3: 0x01, BMCR: 0x3100, ANAR: 0x05e1 },
};

function write(registers: DeviceRegisters, table: Table, saved: Registers): void {
  for (const [name, [offset, size]] of Object.entries(table))
    registers.write(offset, size, saved[name as Name]);
}

/**
 * Reads the guest's state out of the card: all that can be read first, then the positions that cannot, which spoils
 * the rest. It ends with a reset. Lost are TCTR, the statistics of the C+, queues that TPPoll asked for, an EEPROM
 * access under way, and what the guest wrote to the EEPROM.
 */
export function saveContext(
  device: DeviceAtRest,
  variant: Rtl8139Variant,
  notes: ShadowNotes,
  known: Rtl8139ModelState,
): Context {
  const { registers } = device;
  const plus = variant === 'rtl8139c+';
  const seen: Registers = {
    ...POWER_ON,
    ...mapped(SHOWN, ([offset, size]) => registers.read(offset, size)),
  };
  const memory = new Uint8Array(SCRATCH_LENGTH).map((_, i) => registers.read(Reg.firstScratch + i, 1));
  const isr = registers.read(Reg.imr + 2, 2);
  const mpc = registers.read(Reg.mpc, 4);
  quiet(registers);
  if (plus) {
    registers.write(Reg.cpcr, 2, MODES);
    seen.DTCCR = registers.read(Reg.dtccr, 4);
    seen.DTCCRH = registers.read(Reg.dtccrHigh, 4);
    registers.write(Reg.cpcr, 2, 0);
  }
  for (const n of SLOTS) seen[`TSD${n}`] = registers.read(Reg.tsd0 + 4 * n, 4);
  seen.CR &= UNITS;
  seen['9346CR'] &= ~1; // a pin of the EEPROM
  Object.assign(seen, probe(device, seen.CR, plus ? seen.RDSAR : undefined));
  if (known.eeprom || notes[Reg.config] !== undefined) repairEeprom(registers);
  registers.write(CR, 1, Cr.reset);
  const virtual = virtualRegisters(seen, isr, mpc, plus);
  const state = { ...known, eeprom: false };
  return { model: variant, version: RTL8139_CONTEXT_VERSION, registers: seen, memory, virtual, state };
}

/**
 * What no register takes: interrupts, the count of missed packets, and the outcome of a transmission that loopback
 * never has (`outcomeOf`). A reset ends all; a descriptor's status also ends when the transmitter, switched on anew,
 * clears it (which may be too early by the time in between), and with C+ mode.
 */
function virtualRegisters(seen: Registers, isr: number, mpc: number, plus: boolean): VirtualRegister[] {
  const command = (mask: number, ...equals: number[]) => ({ offset: CR, length: 1, mask, equals });
  const reset = command(Cr.reset, Cr.reset);
  const restart = command(Cr.reset | Cr.transmit, Cr.reset, Cr.reset | Cr.transmit, ~seen.CR & Cr.transmit);
  const mode = { offset: Reg.cpcr, length: 2 };
  const found: VirtualRegister[] = [];
  if (isr) found.push({ kind: 'sticky', offset: Reg.imr + 2, size: 2, page: 0, value: isr, until: [reset] });
  if (mpc) {
    const until = [{ offset: Reg.mpc, length: 4 }, reset];
    found.push({ kind: 'fixed', offset: Reg.mpc, size: 4, page: 0, value: mpc, until });
  }
  for (const n of SLOTS) {
    const value = seen[`TSD${n}`];
    const outcome = (value & OUTCOME) >>> 0;
    const isHidden = n < 2 && plus && (seen.CPCR & MODES) !== 0;
    if (!outcome || outcome === outcomeOf(value) || isHidden) continue;
    const offset = Reg.tsd0 + 4 * n;
    const until = [{ offset, length: 4 }, restart, ...(plus && n < 2 ? [mode] : [])];
    found.push({ kind: 'fixed', offset, size: 4, page: 0, value, until });
  }
  return found;
}

/**
 * Writes a guest's state into the card, or that after power-on, whatever the card held before. The units are on and in
 * loopback while the card is wound forward and until all that needs it is written; what the guest uses comes last.
 * A unit whose DMA would leave memory, which no guest of the DMM's has, stays off.
 */
export function restoreContext(device: DeviceAtRest, context: Context | null, variant: Rtl8139Variant): void {
  const { registers } = device;
  const plus = variant === 'rtl8139c+';
  const saved = context ? (context.registers as Registers) : POWER_ON;
  const cr = context ? allowedUnits(saved, device) : 0;
  registers.write(CR, 1, Cr.reset);
  if (context) wind(device, saved, plus);
  else repairEeprom(registers);

  registers.write(Reg.config, 1, Eecr.configWrite);
  registers.write(Reg.tsadSummary + 2, 2, 0x8000); // resets the PHY
  write(registers, PLAIN, saved);
  for (let i = 0; i < SCRATCH_LENGTH; i++) {
    registers.write(Reg.firstScratch + i, 1, context?.memory?.[i] ?? 0);
  }
  for (const n of SLOTS) registers.write(Reg.tsad0 + 4 * n, 4, saved[`TSAD${n}`]);
  if (plus) writePlus(registers, saved);
  registers.write(Reg.rbstart, 4, saved.RBSTART);
  registers.write(Reg.capr, 2, saved.CAPR);
  registers.write(Reg.tcr, 4, saved.TCR); // only while the transmitter is on
  registers.write(CR, 1, cr);
  if (!(cr & Cr.transmit)) writeWaiting(registers, saved);
  if (plus) registers.write(Reg.cpcr, 2, saved.CPCR);
  if (cr & Cr.transmit && saved.CPCR & Cpcr.transmit && saved.TXNEXT > 1) writeWaiting(registers, saved);
  registers.write(Reg.rcr, 4, saved.RCR);
  registers.write(Reg.mpc, 4, 0);
  registers.write(Reg.tctr, 4, 0);
  registers.write(Reg.config, 1, context ? saved['9346CR'] : Eecr.autoLoad);
  registers.write(Reg.imr + 2, 2, 0xffff);
  registers.write(Reg.imr, 2, saved.IMR);
}

function wind(device: DeviceAtRest, saved: Registers, plus: boolean): void {
  const { registers } = device;
  registers.write(CR, 1, UNITS);
  enterLoopback(registers);
  const sent = windBuffer(device, saved.CBR);
  if (plus) windRings(device, saved.RDSAR, saved);
  const statuses = SLOTS.map(n => saved[`TSD${n}`]);
  windTransmit(registers, statuses, saved.TXNEXT, sent);
}

/** In C mode again afterwards. Only C+ mode takes the low bits of a ring's upper half. */
function writePlus(registers: DeviceRegisters, saved: Registers): void {
  registers.write(Reg.cpcr, 2, MODES);
  registers.write(Reg.dtccr, 4, (saved.DTCCR & ~0x3f) >>> 0); // address only: no dump
  registers.write(Reg.dtccrHigh, 4, saved.DTCCRH);
  for (const n of [1, 3] as const) {
    if (saved[`TSAD${n}`] & 3) registers.write(Reg.tsad0 + 4 * n, 4, saved[`TSAD${n}`]);
  }
  registers.write(Reg.cpcr, 2, 0);
  write(registers, PLUS_PLAIN, saved);
}

/**
 * What waits in the descriptor whose turn it is, where nothing starts it: the transmitter is off, or in C+ mode, which
 * shows TSD2 and TSD3 only. Elsewhere it would have been sent.
 */
function writeWaiting(registers: DeviceRegisters, { TXNEXT, ...saved }: Registers): void {
  const status = saved[`TSD${TXNEXT as 0 | 1 | 2 | 3}`];
  if (!(status & Tsd.own)) registers.write(Reg.tsd0 + 4 * TXNEXT, 4, status);
}

/** What a context's registers say of what the model knows. */
const stateOf = (r: Registers): Omit<Rtl8139ModelState, 'verified' | 'eeprom'> => ({
  slots: SLOTS.map(n => ({
    address: r[`TSAD${n}`],
    waiting: r[`TSD${n}`] & Tsd.own ? 0 : Math.max(1, r[`TSD${n}`] & Tsd.sizeMask),
    used: false,
  })),
  ...{ rbstart: r.RBSTART, rcr: r.RCR & RING_BITS, cr: r.CR & UNITS, cpcr: r.CPCR & MODES },
  ...{ rdsar: r.RDSAR, rdsarHigh: r.RDSARH, dtccr: r.DTCCR, dtccrHigh: r.DTCCRH },
});

/** The units of CR that stay in memory. */
function allowedUnits(saved: Registers, { memory }: DeviceAtRest): number {
  const state = { ...stateOf(saved), verified: false, eeprom: false };
  const isAllowed = (cr: number) => !violation({ ...state, cr: saved.CR & cr }, { memorySize: memory.size });
  return [Cr.receive, Cr.transmit].reduce((cr, unit) => (isAllowed(unit) ? cr | (saved.CR & unit) : cr), 0);
}

/** Bits that a register never has; upper halves of C+ mode's addresses may have any. */
const ALIGNMENT = { CBR: 3, RBSTART: 3, TSAD0: 3, TSAD2: 3, DTCCR: 0x3f, RDSAR: 0xff } as const;

/** @throws Error that says what is wrong */
export function checkContext(value: unknown, variant: Rtl8139Variant): Context {
  const check = new ContextCheck(variant);
  const context = check.context(value, RTL8139_CONTEXT_VERSION);
  const registers = check.numbers<Registers>(context.registers, WIDTHS, 'the set of registers');
  const state = checkState(check, context.state);
  const shown = stateOf(registers);
  for (const [name, unused] of Object.entries(ALIGNMENT) as [keyof typeof ALIGNMENT, number][]) {
    if (registers[name] & unused) throw check.refuse(`${name} is not a multiple of ${unused + 1}`);
  }
  if (variant === 'rtl8139' && registers.CPCR | ((registers.TSAD1 | registers.TSAD3) & 3)) {
    throw check.refuse('an RTL8139C has no C+ mode');
  }
  for (const [name, number] of Object.entries(shown)) {
    const known = state[name as keyof typeof shown];
    if (typeof number === 'number' && number !== known) {
      throw check.refuse(`${name} is ${number} in the registers, the model knows of ${String(known)}`);
    }
  }
  shown.slots.forEach(({ address, waiting }, n) => {
    const known = state.slots[n]!;
    if (address !== known.address || waiting > known.waiting) {
      throw check.refuse(`the model knows something else of transmit descriptor ${n} than the registers`);
    }
  });
  return {
    model: variant,
    version: RTL8139_CONTEXT_VERSION,
    registers,
    memory: check.bytes(context.memory, SCRATCH_LENGTH, 'the parameter area'),
    virtual: check.virtual(context.virtual, BAR_SIZE, 1),
    state,
  };
}
