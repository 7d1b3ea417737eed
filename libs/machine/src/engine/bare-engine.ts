import { loadKernel, type BootImage } from './direct-boot';
import { PicRepair } from './pic-repair';
import type { V86Emulator, V86Imports, V86Options } from './v86-internals';

export interface BareEngineOptions {
  memoryMiB: number;
  firmware: { bios: Uint8Array; vgaBios: Uint8Array };
  module: WebAssembly.Module;
  image: BootImage;
  onSerial(byte: number): void;
}

export interface BareEngine {
  /** Types into its serial port. */
  type(bytes: Uint8Array): void;
  stop(): Promise<void>;
  run(): void;
}

/**
 * The engine as it comes: its own run loop, no hook table, no devices of ours, no accounting. The baseline of the
 * lab `palacios`, and nothing else. (The interrupt repair stays, or the serial line dies in the middle of a run.)
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
    net_device: { type: 'none' },
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
  emulator.run();
  return {
    type: bytes => bytes.forEach(byte => emulator.bus.send('serial0-input', byte)),
    stop: () => emulator.stop(),
    run: () => emulator.run(),
  };
}
