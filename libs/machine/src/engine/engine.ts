import { DeviceFault, LinearMemory, type GuestMemory, type InterruptLine } from '@v3vee/devices';
import { ChipsetGuard } from './chipset-guard';
import { GuestClock } from './clock';
import { CpuHooks } from './cpu-hooks';
import { registerHypercalls } from './default-hypercalls';
import { LOADER_PORT, loadKernel, type BootImage } from './direct-boot';
import { EventHooks } from './event-hooks';
import { Exit, ExitAccount } from './exit-account';
import { GuestExit } from './guest-exit';
import { HookTable } from './hook-table';
import { InterruptDeferral } from './interrupt-deferral';
import { PciBus } from './pci-bus';
import { PicRepair } from './pic-repair';
import { restoreEngineState, saveEngineState, type EngineState } from './state';
import { Register, type V86Cpu, type V86Emulator, type V86Imports, type V86Options } from './v86-internals';

export interface EngineOptions {
  /** Guest RAM in MiB. */
  memoryMiB: number;
  /** SeaBIOS images. */
  firmware: { bios: Uint8Array; vgaBios: Uint8Array };
  /** The engine's WebAssembly module, compiled once for all workers of a process. */
  module: WebAssembly.Module;
  /** A byte that the guest wrote to its first serial port. */
  onSerial(byte: number): void;
  /** What a hypercall has to say. */
  onNotice?(text: string): void;
}

/** What is counted beside exits, since the machine was made. */
export interface EventCounters {
  /** Times that an interrupt line was raised. */
  interrupts: number;
  /** Times that the guest halted until the next interrupt. */
  halts: number;
}

const VGA_MEMORY = 1 << 20;
const MAX_SERIAL_INPUT = 64 << 10;
/** What is read beyond them are traps: see `instruction-traps.ts`. */
const PORTS = 0x10000;

/**
 * One guest machine: the only class that knows v86. Guest code runs only inside {@link step}, on the caller's
 * thread. Every port, memory and timer exit passes here because we sit between the engine's WebAssembly module
 * and the functions that it imports.
 */
export class Engine {
  readonly hooks = new HookTable();
  readonly account = new ExitAccount();
  readonly counters: EventCounters = { interrupts: 0, halts: 0 };
  readonly events = new EventHooks();
  readonly cpuHooks: CpuHooks;
  readonly memory: GuestMemory;
  readonly pci: PciBus;
  readonly clock: GuestClock;
  readonly picRepair: PicRepair;
  private readonly deferral: InterruptDeferral;
  /** Set when the CPU halted with interrupts off: only a reset could wake it. */
  private haltedForGood = false;
  private lastLog = '';
  /** Nobody waits for the BIOS to be over. */
  private forgetLoader = () => {};
  /** False once something was put into RAM or guest code may have run: it is no longer all zero. */
  private fresh = true;

  private constructor(
    private readonly emulator: V86Emulator,
    private readonly options: EngineOptions,
    imports: InterceptedImports,
  ) {
    const cpu = emulator.v86.cpu;
    emulator.v86.idle = false;
    this.memory = new LinearMemory(
      () => cpu.wasm_memory.buffer,
      cpu.mem8.byteOffset,
      cpu.memory_size[0],
      (from, to) => cpu.jit_dirty_cache(from, to),
    );
    this.pci = new PciBus(cpu, this.hooks);
    this.clock = new GuestClock(cpu);
    this.picRepair = new PicRepair(cpu);
    const deferral = new InterruptDeferral(cpu);
    this.deferral = deferral;
    this.cpuHooks = new CpuHooks(cpu, this.account);
    registerHypercalls(this, text => options.onNotice?.(text));
    onRaise(cpu, irq => {
      this.counters.interrupts++;
      return this.events.raised(irq);
    });
    imports.attach({
      hooks: this.hooks,
      account: this.account,
      cpuHooks: this.cpuHooks,
      deferral,
      guard: new ChipsetGuard(cpu, imports.engine.io_port_write8),
      onTimers: () => {
        this.picRepair.check();
        this.pci.poll();
        this.events.timePassed(this.clock.now);
      },
      onDeadHalt: () => (this.haltedForGood = true),
      onLog: (offset, length) => {
        this.lastLog = new TextDecoder().decode(
          new Uint8Array(cpu.wasm_memory.buffer, offset, length).slice(),
        );
      },
    });
    emulator.add_listener('serial0-output-byte', options.onSerial as (data: never) => void);
  }

  static async create(options: EngineOptions): Promise<Engine> {
    const { V86 } = (await import('v86')) as unknown as { V86: new (options: V86Options) => V86Emulator };
    const imports = new InterceptedImports();
    const emulator = new V86({
      wasm_fn: async ({ env }) =>
        (await WebAssembly.instantiate(options.module, { env: imports.around(env) })).exports,
      memory_size: options.memoryMiB << 20,
      vga_memory_size: VGA_MEMORY,
      bios: { buffer: toArrayBuffer(options.firmware.bios) },
      vga_bios: { buffer: toArrayBuffer(options.firmware.vgaBios) },
      autostart: false,
      acpi: false, // with ACPI, Linux finds no PCI NIC on this chipset
      disable_speaker: true,
      disable_keyboard: true,
      disable_mouse: true,
      net_device: { type: 'none' },
    });
    await new Promise<void>(resolve => emulator.add_listener('emulator-ready', () => resolve()));
    return new Engine(emulator, options, imports);
  }

  /** Runs `work` in the middle of an instruction of the guest: an access that waits while devices live on. */
  insideAccess(work: () => void): void {
    this.deferral.during(work);
  }

  /** Prepares a cold start of `image`; guest code runs at the next {@link step}. */
  boot(image: BootImage): void {
    const memory = {
      size: this.memory.size,
      write: (at: number, bytes: Uint8Array) => {
        this.memory.markDirty(at, at + bytes.length);
        this.memory.bytes().set(bytes, at);
      },
    };
    this.fresh = false;
    this.forgetLoader();
    const rom = loadKernel(memory, image);
    this.cpu.option_roms.push({ name: 'genroms/kernel.bin', data: rom });
    const write = () => {
      this.forgetLoader();
      loadKernel(memory, image);
    };
    const hook = this.hooks.hookIo(LOADER_PORT, 1, { name: 'kernel loader', read: () => 0xff, write });
    this.forgetLoader = () => {
      this.hooks.unhookIo(hook);
      this.forgetLoader = () => {};
    };
  }

  /**
   * Runs guest code for a millisecond or until it halts.
   * @returns milliseconds until the next timer is due if the guest halted, else 0
   * @throws {GuestExit} when the guest cannot go on
   */
  step(): number {
    this.fresh = false;
    try {
      this.events.entering();
      const wait = this.cpu.main_loop();
      this.events.leaving();
      if (this.haltedForGood) throw new GuestExit('guest-poweroff', 'the guest halted with interrupts off');
      if (wait > 0) this.counters.halts++;
      return wait;
    } catch (thrown) {
      throw this.asExit(thrown);
    }
  }

  /** Types bytes into the first serial port; what goes beyond 64 KiB that the guest has not read is lost. */
  serialInput(bytes: Uint8Array): void {
    const room = MAX_SERIAL_INPUT - this.cpu.devices.uart0.input.length;
    for (const byte of bytes.subarray(0, Math.max(0, room))) this.emulator.bus.send('serial0-input', byte);
  }

  /** The guest ended by itself: extensions are told. */
  end(): void {
    this.events.end();
  }

  /** A line of the ISA bus. */
  line(irq: number): InterruptLine {
    return {
      raise: () => this.cpu.device_raise_irq(irq),
      lower: () => this.cpu.device_lower_irq(irq),
    };
  }

  /** A translated instruction is no longer what memory holds: after RAM was written from outside in bulk. */
  forgetTranslations(): void {
    this.cpu.full_clear_tlb();
  }

  /** Registers of CPU and chipset, without RAM. */
  save(): EngineState {
    return saveEngineState(this.emulator, this.clock);
  }

  /** Puts `bytes` into the stopped machine's RAM; what was translated of it is forgotten. */
  writeRam(at: number, bytes: Uint8Array): void {
    this.fresh = false;
    this.memory.bytes().set(bytes, at);
    this.cpu.jit_dirty_cache(at, at + bytes.length);
  }

  /**
   * `memory` holds all of RAM; zero pages are not touched in a fresh machine, so that they stay unbacked. Without it,
   * RAM is right already.
   */
  restore(state: EngineState, memory: Uint8Array | undefined): void {
    const { fresh } = this;
    this.fresh = this.haltedForGood = false;
    this.forgetLoader();
    const ram = memory && { memory, into: this.memory.bytes() };
    restoreEngineState(this.emulator, this.clock, state, fresh, ram);
    this.pci.follow();
  }

  /** Whether anything, ours or the chipset's, answers at `port`. */
  answers(port: number): boolean {
    return this.hooks.isHooked(port) || this.cpu.io.ports[port]?.device !== undefined;
  }

  /** Instructions that the CPU executed; wraps at 2^32. */
  get instructions(): number {
    return new Uint32Array(this.cpu.wasm_memory.buffer, Register.instructionCounter, 1)[0]!;
  }

  private get cpu(): V86Cpu {
    return this.emulator.v86.cpu;
  }

  private asExit(thrown: unknown): GuestExit {
    if (thrown instanceof GuestExit) return thrown;
    if (thrown instanceof DeviceFault) return new GuestExit('device-fault', thrown.message);
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof WebAssembly.RuntimeError) {
      // the engine panics where a CPU would shut down: no valid handler for a fault in a fault handler
      const detail = this.lastLog || message;
      return new GuestExit('guest-crash', `the CPU could not go on, as after a triple fault (${detail})`);
    }
    return new GuestExit('guest-crash', `the engine failed: ${message}`);
  }
}

interface ExitSinks {
  hooks: HookTable;
  account: ExitAccount;
  cpuHooks: CpuHooks;
  deferral: InterruptDeferral;
  guard: ChipsetGuard;
  onTimers(): void;
  onDeadHalt(): void;
  onLog(offset: number, length: number): void;
}

/** The module's imports with ours around the engine's. The engine is made before our parts are: see `attach`. */
class InterceptedImports {
  engine!: V86Imports;
  private sinks: ExitSinks | undefined;

  attach(sinks: ExitSinks): void {
    this.sinks = sinks;
  }

  around(engine: V86Imports): V86Imports & WebAssembly.ModuleImports {
    this.engine = engine;
    const self = this; // eslint-disable-line @typescript-eslint/no-this-alias -- plain functions are cheapest to call from wasm
    const read = (port: number, width: number, chipset: (port: number) => number): number => {
      const { hooks, account } = self.sinks!;
      const began = account.begin(Exit['io-in']);
      const value = hooks.read(port, width) ?? chipset(port);
      account.end(Exit['io-in'], began);
      return value;
    };
    const write = (
      port: number,
      width: number,
      value: number,
      chipset: (port: number, value: number) => void,
    ): void => {
      const { hooks, guard, account } = self.sinks!;
      const began = account.begin(Exit['io-out']);
      const unsigned = width === 2 ? value >>> 0 : value & (width === 0 ? 0xff : 0xffff);
      if (!hooks.write(port, width, unsigned) && guard.admits(port, width, unsigned)) chipset(port, value);
      account.end(Exit['io-out'], began);
    };
    // physical addresses arrive as signed numbers
    const readMemory = (address: number, size: number, chipset: (address: number) => number): number => {
      const { hooks, account, deferral } = self.sinks!;
      const began = account.begin(Exit['mmio-read']);
      const value = deferral.during(() => hooks.readMemory(address >>> 0, size)) ?? chipset(address);
      account.end(Exit['mmio-read'], began);
      return value;
    };
    const writeMemory = (address: number, size: number, value: number, chipset?: () => void): boolean => {
      const { hooks, account, deferral } = self.sinks!;
      const began = account.begin(Exit['mmio-write']);
      const ours = deferral.during(() => hooks.writeMemory(address >>> 0, size, value));
      if (!ours) chipset?.();
      account.end(Exit['mmio-write'], began);
      return ours;
    };
    const ours: V86Imports = {
      ...engine,
      io_port_read8: port => read(port, 0, engine.io_port_read8),
      io_port_read16: port => read(port, 1, engine.io_port_read16),
      io_port_read32: port =>
        port < PORTS ? read(port, 2, engine.io_port_read32) : self.sinks!.cpuHooks.trapped(port),
      io_port_write8: (port, value) => write(port, 0, value, engine.io_port_write8),
      io_port_write16: (port, value) => write(port, 1, value, engine.io_port_write16),
      io_port_write32: (port, value) => write(port, 2, value, engine.io_port_write32),
      mmap_read8: address => readMemory(address, 1, engine.mmap_read8),
      mmap_read32: address => readMemory(address, 4, engine.mmap_read32),
      mmap_write8: (address, value) =>
        void writeMemory(address, 1, value & 0xff, () => engine.mmap_write8(address, value)),
      mmap_write16: (address, value) =>
        void writeMemory(address, 2, value & 0xffff, () => engine.mmap_write16(address, value)),
      mmap_write32: (address, value) =>
        void writeMemory(address, 4, value >>> 0, () => engine.mmap_write32(address, value)),
      mmap_write64: (address, low, high) => {
        const ours = writeMemory(address, 4, low >>> 0, () => engine.mmap_write64(address, low, high));
        if (ours) writeMemory(address + 4, 4, high >>> 0);
      },
      mmap_write128: (address, ...words) => {
        const ours = writeMemory(address, 4, words[0] >>> 0, () => engine.mmap_write128(address, ...words));
        if (ours) for (let i = 1; i < 4; i++) writeMemory(address + 4 * i, 4, words[i]! >>> 0);
      },
      run_hardware_timers: (acpi, now) => {
        const { account, onTimers } = self.sinks!;
        const began = account.begin(Exit.timer);
        onTimers();
        const wait = engine.run_hardware_timers(acpi, now);
        account.end(Exit.timer, began);
        return wait;
      },
      cpu_event_halt: () => self.sinks!.onDeadHalt(),
      stop_idling: () => {}, // would restart the engine's own loop
      console_log_from_wasm: (offset, length) => self.sinks?.onLog(offset, length),
    };
    return ours as V86Imports & WebAssembly.ModuleImports;
  }
}

/** Asks whenever a device raises an interrupt line that was down, whether the guest is to get it. */
function onRaise(cpu: V86Cpu, admits: (irq: number) => boolean): void {
  const { device_raise_irq, device_lower_irq } = cpu;
  let up = 0;
  cpu.device_raise_irq = irq => {
    if (!(up & (1 << irq)) && !admits(irq)) return;
    up |= 1 << irq;
    device_raise_irq(irq);
  };
  cpu.device_lower_irq = irq => {
    up &= ~(1 << irq);
    device_lower_irq(irq);
  };
}

const toArrayBuffer = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer as ArrayBuffer;
