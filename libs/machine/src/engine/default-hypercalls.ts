import type { Engine } from './engine';

/**
 * Hypercalls that each VM has. The numbers are Palacios's; what is in which register is reconstructed: the number in EAX,
 * arguments and further results in EBX, ECX, EDX, the outcome in EAX (0, or all ones).
 */
export function registerHypercalls(engine: Engine, notice: (text: string) => void): void {
  const { cpuHooks, clock, account } = engine;
  cpuHooks.hypercall(0x3000, 'guest info', registers => {
    const { eax, ebx, ecx, edx, esi, edi, cpl } = registers;
    const words = Object.entries({ eax, ebx, ecx, edx, esi, edi });
    notice(
      `guest info: ${words.map(([name, value]) => `${name}=${value.toString(16)}`).join(' ')} cpl=${cpl}`,
    );
    registers.ebx = engine.memory.size >>> 20;
    return 0;
  });
  cpuHooks.hypercall(0x3001, 'telemetry', registers => {
    const total = Object.values(account.tallies()).reduce((sum, { count }) => sum + count, 0);
    put(registers, total);
    return 0;
  });
  cpuHooks.hypercall(0xd000, 'time: frequency of the time stamp counter, kHz', registers => {
    registers.ebx = TSC_KHZ;
    return 0;
  });
  cpuHooks.hypercall(0xd001, 'time: guest time, µs', registers => {
    put(registers, Math.floor(clock.now * 1000));
    return 0;
  });
}

/** The engine's, whatever the machine that it runs on. */
const TSC_KHZ = 1_000_000;

/** A 64-bit result: low half in EBX, high half in ECX. */
function put(registers: { ebx: number; ecx: number }, value: number): void {
  registers.ebx = value >>> 0;
  registers.ecx = Math.floor(value / 2 ** 32);
}
