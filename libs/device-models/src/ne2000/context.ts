import { ne2000Registers } from '@v3vee/devices';
import { ContextCheck } from '../context-check';
import type { DeviceContext, DeviceRegisters, ShadowNotes, VirtualRegister } from '../model';
import { loadFifo, readFifo } from './fifo';
import { initialState, STATE_WIDTHS, withNotes, type Ne2000ModelState } from './hooks';
import { countDown, MEMORY_BASE, MEMORY_LENGTH, readMemory, writeMemory } from './packet-memory';
import { get, PAGES, placeOf, put, putWord } from './registers';

const { BAR_SIZE, Cr, Eecr, Isr, Rcr, Tcr } = ne2000Registers;

type Ne2000Context = DeviceContext<Ne2000ModelState>;

const VERSION = 1;

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`);
const widths = (names: readonly string[], bits: number): Record<string, number> =>
  Object.fromEntries(names.map(name => [name, bits]));

/** Registers that are read and written under one name, and their widths; bits beyond read as ones. */
const PLAIN: Readonly<Record<string, number>> = {
  ...widths(['PSTART', 'PSTOP', 'BNRY', 'TPSR', 'CURR'], 8),
  ...widths([...numbered('PAR', 6), ...numbered('MAR', 8)], 8),
  ...{ RCR: 6, TCR: 5, DCR: 7 },
  ...widths([...numbered('CLDA', 2), 'RNPP', ...numbered('ADDR', 2)], 8),
  ...widths(['CONFIG2', 'CONFIG3', '9346CR'], 8),
};
const FIFO = numbered('FIFO', 8);
/**
 * All that a context holds of the registers; TBCR is in the model's state. `SENDEND`: where BNRY goes when the "send
 * packet" transfer that is under way ends, else 0.
 */
const REGISTERS: Readonly<Record<string, number>> = {
  ...PLAIN,
  ...{ CR: 8, IMR: 7, CRDA0: 8, CRDA1: 8, RBCR: 16, SENDEND: 8 },
  ...widths(FIFO, 8),
};

/**
 * Reads the guest's state out of the card, in an order that loses nothing: first what is only to be read, then, with
 * the card in loopback and its interrupts off, what takes a transfer. Lost are the tally counters that the guest did
 * not read: nothing could put them back.
 */
export function saveContext(
  registers: DeviceRegisters,
  notes: ShadowNotes,
  known: Ne2000ModelState,
): Ne2000Context {
  const saved: Record<string, number> = { CR: registers.read(0, 1) };
  for (const name of [...Object.keys(PLAIN), 'IMR', 'CRDA0', 'CRDA1']) {
    saved[name] = get(registers, name) & (2 ** REGISTERS[name]! - 1);
  }
  const virtual = virtualRegisters(get(registers, 'ISR'), get(registers, 'TSR'), get(registers, 'RSR'));
  quiet(registers);
  readFifo(registers).forEach((byte, i) => (saved[FIFO[i]!] = byte));
  saved.RBCR = countDown(registers);
  saved.SENDEND = (saved.CR! & Cr.remoteMask) === Cr.sendPacket ? get(registers, 'BNRY') : 0;
  const memory = readMemory(registers, MEMORY_BASE, MEMORY_LENGTH);
  registers.write(0, 1, Cr.stop | Cr.remoteDone);
  const shown = { pstart: saved.PSTART!, pstop: saved.PSTOP!, dcr: saved.DCR! };
  const state = { ...withNotes(known, notes), ...shown };
  return { model: 'ne2000', version: VERSION, registers: saved, memory, virtual, state };
}

/** No interrupt, no frame comes in or goes out. A remote DMA under way is not touched. */
function quiet(registers: DeviceRegisters): void {
  put(registers, 'IMR', 0);
  put(registers, 'TCR', Tcr.loopbackInternal);
  put(registers, 'RCR', Rcr.monitor);
}

/**
 * The status registers. Interrupts stay until the guest acknowledges them, be it after a reset of the controller, which
 * would have cleared them: drivers acknowledge all of them then. RST is none, it follows CR. A transmit status holds
 * until the next transmission. A receive status is of the last frame, and frames come at any time: it holds only where
 * an interrupt may be about it, and until the guest acknowledges one.
 */
function virtualRegisters(isr: number, tsr: number, rsr: number): VirtualRegister[] {
  const { stop, start, transmit } = Cr;
  const sends = { offset: 0, length: 1, mask: stop | start | transmit, equals: [transmit, transmit | start] };
  const acknowledges = { offset: placeOf('write', 'ISR').offset, length: 1 };
  const interrupts = isr & ~Isr.reset;
  const fixed = { kind: 'fixed', size: 1 } as const;
  const transmitStatus = { ...fixed, ...placeOf('read', 'TSR'), value: tsr, until: [sends] };
  if (interrupts === 0) return [transmitStatus];
  return [
    { kind: 'sticky', size: 1, ...placeOf('read', 'ISR'), value: interrupts },
    transmitStatus,
    { ...fixed, ...placeOf('read', 'RSR'), value: rsr, until: [sends, acknowledges] },
  ];
}

const powerOn = (): Ne2000Context => ({
  model: 'ne2000',
  version: VERSION,
  registers: { ...widths(Object.keys(REGISTERS), 0), CR: Cr.stop | Cr.remoteDone },
  memory: new Uint8Array(MEMORY_LENGTH),
  virtual: [],
  state: initialState(),
});

/**
 * Writes a guest's state into the card, or that after power-on, whatever the card held before. While it does, the card
 * is in loopback with its interrupts off; they come last, then the page and whether the controller runs. After
 * power-on, TSR, RSR and the FIFO are not 0 as in a new card, but what a loopback of zeros leaves there.
 */
export function restoreContext(registers: DeviceRegisters, context: Ne2000Context | null): void {
  const { registers: saved, memory, state } = context ?? powerOn();
  registers.write(0, 1, Cr.stop | Cr.remoteDone);
  quiet(registers);
  for (const name of numbered('CNTR', 3)) get(registers, name); // which clears it
  loadFifo(
    registers,
    FIFO.map(name => saved[name]!),
  );
  writeMemory(registers, MEMORY_BASE, memory!);
  registers.write(0, 1, Cr.stop | Cr.remoteDone);

  put(registers, '9346CR', Eecr.configWrite);
  for (const name of Object.keys(PLAIN)) put(registers, name, saved[name]!);
  putWord(registers, 'TBCR', state.tbcr);
  restoreChannel(registers, saved, memory!);
  put(registers, 'ISR', 0xff);
  put(registers, 'IMR', saved.IMR!);
  registers.write(0, 1, saved.CR! & ~(Cr.remoteMask | Cr.transmit)); // the remote command stands
}

/** The remote DMA channel: a transfer that was under way is started again where it was. */
function restoreChannel(registers: DeviceRegisters, saved: Record<string, number>, memory: Uint8Array): void {
  let command = saved.CR! & Cr.remoteMask;
  if (command === Cr.sendPacket) {
    const header = headerBefore(saved.SENDEND!, memory);
    if (header !== undefined) put(registers, 'BNRY', header);
    else command = Cr.remoteRead; // the same bytes, but BNRY stays: the nearest that can be had
  }
  if (!(command & Cr.remoteDone)) {
    putWord(registers, 'RBCR', 1); // with 0, it would be over at once
    registers.write(0, 1, Cr.stop | command);
  }
  put(registers, 'BNRY', saved.BNRY!);
  put(registers, 'RSAR0', saved.CRDA0!);
  put(registers, 'RSAR1', saved.CRDA1!);
  putWord(registers, 'RBCR', saved.RBCR!);
}

/**
 * "Send packet" takes the page that BNRY goes to from the header of the packet at BNRY. The guest may have moved BNRY
 * since, and the packet may be gone: any page of packet memory will do that looks like such a header.
 */
function headerBefore(next: number, memory: Uint8Array): number | undefined {
  for (let at = 0; at < memory.length; at += 0x100) {
    const length = memory[at + 2]! | (memory[at + 3]! << 8);
    if (memory[at + 1] === next && length > 0) return (MEMORY_BASE + at) >> 8;
  }
  return undefined;
}

/** @throws Error that says what is wrong */
export function checkContext(value: unknown): Ne2000Context {
  const check = new ContextCheck('ne2000');
  const context = check.context(value, VERSION);
  const registers = check.numbers<Record<string, number>>(
    context.registers,
    REGISTERS,
    'the set of registers',
  );
  if (registers.CR! & Cr.transmit) throw check.refuse('a transmission is under way, which is never saved');
  return {
    model: 'ne2000',
    version: VERSION,
    registers,
    memory: check.bytes(context.memory, MEMORY_LENGTH, 'packet memory'),
    virtual: check.virtual(context.virtual, BAR_SIZE, PAGES),
    state: check.numbers<Ne2000ModelState>(context.state, STATE_WIDTHS, 'what the model knows'),
  };
}
