import type { GuestClock } from './clock';
import { forEachUsedPage, fromSparse, toSparse, type SparseBytes } from './sparse';
import { ENGINE_VERSION, Register, type V86Cpu, type V86Emulator, type V86Vga } from './v86-internals';
import { MachineError } from '../errors';

/** CPU and chipset as the engine saves them, RAM left out, with what the engine forgets to save or restore. */
export interface EngineState {
  engine: string;
  /** The engine's own format; whole in states that were saved by earlier versions. */
  body: SparseBytes | Uint8Array;
  /** `performance.now()` of the saving process, and the time stamp counter then. */
  at: number;
  tsc: [number, number];
  /** Serial input that the guest had not read. */
  serialInput: number[];
  /** Registers that the engine's `set_state` does not put back. */
  lastResult: number;
  fpuStatusWord: number;
  mxcsr: number;
}

const PAGE = 4096;
const ZERO_PAGE = Buffer.alloc(PAGE);

export function saveEngineState(emulator: V86Emulator, clock: GuestClock): EngineState {
  const { cpu } = emulator.v86;
  const { at, tsc } = clock.frozen;
  const registers = new DataView(cpu.wasm_memory.buffer);
  const body = withoutBulk(cpu, () => emulator.v86.save_state());
  return {
    engine: ENGINE_VERSION,
    body: toSparse(new Uint8Array(body)),
    at,
    tsc: [...tsc],
    serialInput: [...cpu.devices.uart0.input],
    lastResult: registers.getInt32(Register.lastResult, true),
    fpuStatusWord: registers.getUint16(Register.fpuStatusWord, true),
    mxcsr: registers.getInt32(Register.mxcsr, true),
  };
}

export function restoreEngineState(
  emulator: V86Emulator,
  clock: GuestClock,
  state: EngineState,
  fresh: boolean,
  ram: { memory: Uint8Array; into: Uint8Array } | undefined,
): void {
  if (state.engine !== ENGINE_VERSION) {
    throw new MachineError(
      'STATE_INCOMPATIBLE',
      `the state was saved by ${state.engine}, this machine is ${ENGINE_VERSION}`,
    );
  }
  const { cpu } = emulator.v86;
  if (ram) copyMemory(ram.memory, ram.into, fresh);
  else cpu.full_clear_tlb();
  clock.prepareRestore();
  const body = 'runs' in state.body ? fromSparse(state.body) : state.body.slice();
  const { jit_clear_cache } = cpu;
  // Of RAM that was written page by page, what is still true of the translations is known.
  if (!ram) cpu.jit_clear_cache = () => undefined;
  try {
    withoutBulk(cpu, () => restoreBody(emulator, body.buffer as ArrayBuffer, fresh));
  } finally {
    cpu.jit_clear_cache = jit_clear_cache;
  }
  const registers = new DataView(cpu.wasm_memory.buffer);
  registers.setInt32(Register.lastResult, state.lastResult, true);
  registers.setUint16(Register.fpuStatusWord, state.fpuStatusWord, true);
  registers.setInt32(Register.mxcsr, state.mxcsr, true);
  const { input } = cpu.devices.uart0;
  input.splice(0, input.length, ...state.serialInput);
  clock.restored(state.at, state.tsc);
}

function restoreBody(emulator: V86Emulator, body: ArrayBuffer, fresh: boolean): void {
  const { cpu } = emulator.v86;
  const { vga } = cpu.devices;
  // states hold display memory up to its last byte that is not zero
  if (!fresh) for (const memory of [vga.svga_memory, vga.vga_memory, vga.pixel_buffer]) memory.fill(0);
  const { last_result, fpu_status_word, mxcsr } = cpu;
  try {
    emulator.v86.restore_state(body);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new MachineError('STATE_CORRUPT', `the engine refuses the state: ${message}`, { cause: thrown });
  } finally {
    // set_state replaces these views of registers by plain arrays; later saves would read stale values
    Object.assign(cpu, { last_result, fpu_status_word, mxcsr });
  }
}

/** Runs `action` with RAM left out of the engine's states and display memory trimmed. */
function withoutBulk<T>(cpu: V86Cpu, action: () => T): T {
  const { pack_memory, unpack_memory } = cpu;
  const { vga } = cpu.devices;
  const getVgaState = vga.get_state;
  const pages = cpu.memory_size[0] >> 12;
  cpu.pack_memory = () => ({
    bitmap: { get_buffer: () => new ArrayBuffer((pages + 7) >> 3) },
    packed_memory: new Uint8Array(0),
  });
  cpu.unpack_memory = () => {};
  vga.get_state = function (this: V86Vga) {
    return getVgaState.call(this).map(trimmed);
  };
  try {
    return action();
  } finally {
    Object.assign(cpu, { pack_memory, unpack_memory });
    vga.get_state = getVgaState;
  }
}

const BULK = 0x10000;

/** Large byte arrays without their zero tail. */
function trimmed(value: unknown): unknown {
  const bytes = value as Uint8Array | undefined;
  if (bytes?.BYTES_PER_ELEMENT !== 1 || bytes.length < BULK) return value;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let end = buffer.length;
  while (end >= PAGE && buffer.compare(ZERO_PAGE, 0, PAGE, end - PAGE, end) === 0) end -= PAGE;
  return new Uint8Array(buffer.buffer, buffer.byteOffset, end);
}

/** Copies RAM; a fresh machine's zero pages are left alone so that the kernel never has to back them. */
function copyMemory(from: Uint8Array, into: Uint8Array, fresh: boolean): void {
  if (from.length !== into.length) {
    throw new MachineError(
      'STATE_INCOMPATIBLE',
      `the state is of a machine with ${from.length >> 20} MiB of memory, this one has ${into.length >> 20} MiB`,
    );
  }
  if (!fresh) return into.set(from);
  forEachUsedPage(from, (start, end) => into.set(from.subarray(start, end), start));
}
