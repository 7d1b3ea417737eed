import type { CpuidResult, CpuRegisters, HypercallHandler, MsrHandler, Unhook } from '@v3vee/devices';
import { Exit, type ExitAccount } from './exit-account';
import { Trap } from './instruction-traps';
import type { V86Cpu } from './v86-internals';

const [EAX, ECX, EDX, EBX, ESI, EDI] = [0, 1, 2, 3, 6, 7];
/** VMCALL and VMMCALL, which this CPU has not: both are undefined instructions to it. */
const VMCALL = [0x0f, 0x01, 0xc1];
const VMMCALL = [0x0f, 0x01, 0xd9];
/** In EAX after a hypercall that nobody knows; as Palacios's own failed ones. */
const REFUSED = 0xffffffff;

/** Hooks of instructions that are carried out inside of the engine, but for the traps in its module. */
export class CpuHooks {
  readonly registers: CpuRegisters;
  private readonly leaves = new Map<number, (leaf: number, subleaf: number) => CpuidResult | undefined>();
  private readonly msrs = new Map<number, MsrHandler>();
  private readonly calls = new Map<number, { name: string; handler: HypercallHandler; count: number }>();

  constructor(
    private readonly cpu: V86Cpu,
    private readonly account: ExitAccount,
  ) {
    this.registers = registersOf(cpu);
  }

  cpuid(leaf: number, handler: (leaf: number, subleaf: number) => CpuidResult | undefined): Unhook {
    return claim(this.leaves, leaf >>> 0, handler, `CPUID leaf 0x${leaf.toString(16)}`);
  }

  msr(msr: number, handler: MsrHandler): Unhook {
    return claim(this.msrs, msr >>> 0, handler, `MSR 0x${msr.toString(16)}`);
  }

  hypercall(number: number, name: string, handler: HypercallHandler): Unhook {
    return claim(this.calls, number >>> 0, { name, handler, count: 0 }, `hypercall 0x${number.toString(16)}`);
  }

  /** Those that there are, by number. */
  hypercalls(): { number: number; name: string; count: number }[] {
    return [...this.calls]
      .map(([number, { name, count }]) => ({ number, name, count }))
      .sort((a, b) => a.number - b.number);
  }

  /** An instruction that the engine is about to carry out. @returns 1: it is done */
  trapped(trap: number): number {
    switch (trap) {
      case Trap.cpuid:
        return this.measured(Exit.cpuid, () => this.answerCpuid());
      case Trap.rdmsr:
        return this.measured(Exit.rdmsr, () => this.readMsr());
      case Trap.wrmsr:
        return this.measured(Exit.wrmsr, () => this.writeMsr());
      default:
        // A guest meets few undefined instructions; all others are its own business.
        return this.isHypercall() ? this.measured(Exit.hypercall, () => this.call()) : 0;
    }
  }

  private measured(exit: number, work: () => boolean): number {
    const began = this.account.begin(exit);
    const done = work();
    this.account.end(exit, began);
    return done ? 1 : 0;
  }

  private answerCpuid(): boolean {
    const { reg32 } = this.cpu;
    const leaf = reg32[EAX]! >>> 0;
    const result = this.leaves.get(leaf)?.(leaf, reg32[ECX]! >>> 0);
    if (!result) return false;
    reg32[EAX] = result.eax;
    reg32[EBX] = result.ebx;
    reg32[ECX] = result.ecx;
    reg32[EDX] = result.edx;
    return true;
  }

  private readMsr(): boolean {
    const { reg32 } = this.cpu;
    const msr = reg32[ECX]! >>> 0;
    const read = this.msrs.get(msr)?.read;
    // From user mode it is a protection fault, whatever the register: the engine's.
    if (!read || this.registers.cpl !== 0) return false;
    const value = BigInt.asUintN(64, read(msr));
    reg32[EAX] = Number(value & 0xffffffffn);
    reg32[EDX] = Number(value >> 32n);
    return true;
  }

  private writeMsr(): boolean {
    const { reg32 } = this.cpu;
    const msr = reg32[ECX]! >>> 0;
    const write = this.msrs.get(msr)?.write;
    if (!write || this.registers.cpl !== 0) return false;
    write(msr, (BigInt(reg32[EDX]! >>> 0) << 32n) | BigInt(reg32[EAX]! >>> 0));
    return true;
  }

  private call(): boolean {
    const { reg32 } = this.cpu;
    const call = this.calls.get(reg32[EAX]! >>> 0);
    if (call) call.count++;
    reg32[EAX] = call ? call.handler(this.registers) : REFUSED;
    return true;
  }

  private isHypercall(): boolean {
    const { cpu } = this;
    const start = cpu.previous_ip[0]!;
    const first = this.codeByte(start);
    if (first !== VMCALL[0]) return false;
    const bytes = [first, this.codeByte(start + 1), this.codeByte(start + 2)];
    return [VMCALL, VMMCALL].some(call => call.every((byte, i) => byte === bytes[i]));
  }

  /** Of the instruction that runs, whose pages are there. @param linear segment base included */
  private codeByte(linear: number): number {
    return this.cpu.mem8[this.cpu.translate_address_system_read(linear)]!;
  }
}

function registersOf(cpu: V86Cpu): CpuRegisters {
  const registers = {
    get cpl() {
      return cpu.cpl[0]!;
    },
  } as CpuRegisters;
  for (const [name, index] of Object.entries({
    eax: EAX,
    ecx: ECX,
    edx: EDX,
    ebx: EBX,
    esi: ESI,
    edi: EDI,
  })) {
    Object.defineProperty(registers, name, {
      get: () => cpu.reg32[index]! >>> 0,
      set: (value: number) => void (cpu.reg32[index] = value),
    });
  }
  return registers;
}

function claim<T>(table: Map<number, T>, key: number, value: T, what: string): Unhook {
  if (table.has(key)) throw new Error(`${what} has a hook already`);
  table.set(key, value);
  return () => {
    if (table.get(key) === value) table.delete(key);
  };
}
