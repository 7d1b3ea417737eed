/**
 * The parts of v86 0.5.462 that this adapter touches and that its own declarations do not cover. They are
 * internals, not an interface: the version is pinned, and only this folder may import the package.
 */

export const ENGINE_VERSION = 'v86 0.5.462';

/** Addresses of CPU registers in the engine's WebAssembly memory (its `global_pointers.rs`). */
export const Register = {
  lastResult: 112,
  instructionCounter: 664,
  mxcsr: 824,
  fpuStatusWord: 1040,
} as const;

export interface V86Pci {
  /** Configuration space of each function by `device << 3 | function`, 64 dwords. */
  device_spaces: (Int32Array | undefined)[];
  /** The PIIX3's own space; bytes 0x60 … 0x63 route the four interrupt pins to ISA lines. */
  isa_bridge_space8: Uint8Array;
  register_device(device: V86PciDevice): Int32Array;
  set_io_bars(bar: V86Bar, from: number, to: number): void;
  /** `address` holds the function in bits 8 … 23 and the register in bits 0 … 7. */
  pci_write8(address: number, value: number): void;
  pci_write16(address: number, value: number): void;
  pci_write32(address: number, value: number): void;
}

export interface V86Bar {
  size: number;
}

export interface V86PciDevice {
  name: string;
  pci_id: number;
  pci_space: number[];
  pci_bars: (V86Bar | undefined)[];
}

export interface V86Pit {
  /** When each counter was started, on the clock of `performance.now()`, ms. */
  counter_start_time: Float64Array;
}

export interface V86Uart {
  /** Bytes that the guest has not read. */
  input: number[];
}

export interface V86Vga {
  svga_memory: Uint8Array;
  vga_memory: Uint8Array;
  pixel_buffer: Uint8Array;
  get_state(): unknown[];
}

export interface V86Cpu {
  wasm_memory: WebAssembly.Memory;
  memory_size: { 0: number };
  mem8: Uint8Array;
  /** Low and high word of the time stamp counter, filled by {@link store_current_tsc}. */
  current_tsc: { 0: number; 1: number };
  io: { ports: { device: unknown }[] };
  devices: { pci: V86Pci; pit: V86Pit; uart0: V86Uart; vga: V86Vga };
  option_roms: { name: string; data: Uint8Array }[];
  /** Runs guest code for about a millisecond; milliseconds until the next timer if the guest halted, else 0. */
  main_loop(): number;
  /** EFLAGS, but for the arithmetic flags, which are computed when they are needed. */
  flags: Int32Array;
  /** General registers: eax, ecx, edx, ebx, esp, ebp, esi, edi. */
  reg32: Int32Array;
  /** Privilege level. */
  cpl: Uint8Array;
  /** Linear address of the instruction that runs. */
  previous_ip: Int32Array;
  /** Physical address of a linear one whose page is there. */
  translate_address_system_read(linear: number): number;
  device_raise_irq(irq: number): void;
  device_lower_irq(irq: number): void;
  get_pic_addr_master(): number;
  get_pic_addr_slave(): number;
  store_current_tsc(): void;
  set_tsc(low: number, high: number): void;
  full_clear_tlb(): void;
  /** Forgets all that was translated of the guest's code. */
  jit_clear_cache(): void;
  jit_dirty_cache(from: number, to: number): void;
  pack_memory(): { bitmap: { get_buffer(): ArrayBuffer }; packed_memory: Uint8Array };
  unpack_memory(bitmap: unknown, packed: Uint8Array): void;
  last_result: unknown;
  fpu_status_word: unknown;
  mxcsr: unknown;
}

export interface V86Emulator {
  v86: {
    cpu: V86Cpu;
    /** True lets an interrupt restart the engine's own loop, which we never use. */
    idle: boolean;
    save_state(): ArrayBuffer;
    restore_state(state: ArrayBuffer): void;
  };
  bus: { send(event: string, data: unknown): void };
  add_listener(event: string, listener: (data: never) => void): void;
}

/** The functions that the engine's WebAssembly module imports: every exit of the guest passes here. */
export interface V86Imports {
  io_port_read8(port: number): number;
  io_port_read16(port: number): number;
  io_port_read32(port: number): number;
  io_port_write8(port: number, value: number): void;
  io_port_write16(port: number, value: number): void;
  io_port_write32(port: number, value: number): void;
  mmap_read8(address: number): number;
  mmap_read32(address: number): number;
  mmap_write8(address: number, value: number): void;
  mmap_write16(address: number, value: number): void;
  mmap_write32(address: number, value: number): void;
  mmap_write64(address: number, low: number, high: number): void;
  mmap_write128(address: number, a: number, b: number, c: number, d: number): void;
  run_hardware_timers(acpi: boolean, now: number): number;
  /** HLT with interrupts off: nothing can wake the CPU again. */
  cpu_event_halt(): void;
  stop_idling(): void;
  console_log_from_wasm(offset: number, length: number): void;
}

export interface V86Options {
  wasm_fn(imports: { env: V86Imports }): Promise<WebAssembly.Exports>;
  memory_size: number;
  vga_memory_size: number;
  bios: { buffer: ArrayBuffer };
  vga_bios: { buffer: ArrayBuffer };
  bzimage?: { buffer: ArrayBuffer };
  initrd?: { buffer: ArrayBuffer };
  cmdline?: string;
  autostart: boolean;
  acpi: boolean;
  disable_speaker: boolean;
  disable_keyboard: boolean;
  disable_mouse: boolean;
  net_device: { type: string };
}
