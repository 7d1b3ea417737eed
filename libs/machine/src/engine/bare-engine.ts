import { loadKernel, type BootImage } from './direct-boot';
import { PicRepair } from './pic-repair';
import type { V86Emulator, V86Imports, V86Options } from './v86-internals';

export interface BareEngineOptions {
  memoryMiB: number;
  firmware: { bios: Uint8Array; vgaBios: Uint8Array };
  module: WebAssembly.Module;
  image: BootImage;
  onSerial(byte: number): void;
  /** Plugs in the engine's own virtio network card; called with each frame that the guest sends. */
  onFrame?(frame: Uint8Array<ArrayBuffer>): void;
}

export interface BareEngine {
  /** Types into its serial port. */
  type(bytes: Uint8Array): void;
  /** Gives an Ethernet frame to its network card. */
  receive(frame: Uint8Array): void;
  stop(): Promise<void>;
  run(): void;
}

/**
 * The engine as it comes: its own run loop, no hook table, no devices of ours, no accounting. A baseline of the
 * labs, and nothing else. (The interrupt repair stays, or the serial line dies in the middle of a run.)
 */
export async function startBareEngine(options: BareEngineOptions): Promise<BareEngine> {
  const { V86 } = (await import('v86')) as unknown as {
    V86: new (options: V86Options) => V86Emulator & { run(): void; stop(): Promise<void> };
  };
  const repair: { of?: PicRepair } = {};
  const buffer = (bytes: Uint8Array) => bytes.slice().buffer as ArrayBuffer;
  const emulator = new V86({
    wasm_fn: async ({ env }) => {
      const run_hardware_timers: V86Imports['run_hardware_timers'] = (acpi, now) => {
        repair.of?.check();
        return env.run_hardware_timers(acpi, now);
      };
      const imports = { ...env, run_hardware_timers };
      return (await WebAssembly.instantiate(options.module, { env: imports })).exports;
    },
    memory_size: options.memoryMiB << 20,
    vga_memory_size: 1 << 20,
    bios: { buffer: buffer(options.firmware.bios) },
    vga_bios: { buffer: buffer(options.firmware.vgaBios) },
    autostart: false,
    acpi: false,
    disable_speaker: true,
    disable_keyboard: true,
    disable_mouse: true,
    net_device: { type: options.onFrame ? 'virtio' : 'none' },
  });
  await new Promise<void>(resolve => emulator.add_listener('emulator-ready', () => resolve()));
  const { cpu } = emulator.v86;
  repair.of = new PicRepair(cpu);
  const memory = {
    size: cpu.memory_size[0],
    write: (at: number, bytes: Uint8Array) => cpu.mem8.set(bytes, at),
  };
  cpu.option_roms.push({ name: 'genroms/kernel.bin', data: loadKernel(memory, options.image) });
  emulator.add_listener('serial0-output-byte', options.onSerial as (data: never) => void);
  // The engine hands out a view of guest memory.
  emulator.add_listener('net0-send', (data: Uint8Array) => options.onFrame?.(data.slice()));
  emulator.run();
  return {
    type: bytes => bytes.forEach(byte => emulator.bus.send('serial0-input', byte)),
    receive: frame => emulator.bus.send('net0-receive', frame),
    stop: () => emulator.stop(),
    run: () => emulator.run(),
  };
}
