import type { V86Cpu } from './v86-internals';

/** EFLAGS.IF. */
const INTERRUPTS_ON = 1 << 9;

/**
 * Keeps interrupts from being taken in the middle of an instruction. The engine takes one at once when a line is raised
 * with interrupts on, by setting the instruction pointer; translated code that accesses memory, or a string instruction,
 * goes on behind the access all the same, and the interrupt is lost: acknowledged, and never ended by the guest. While an
 * access is under way, a line is raised with interrupts off as far as the engine sees; it takes the interrupt when it
 * next looks.
 */
export class InterruptDeferral {
  private depth = 0;

  constructor(cpu: V86Cpu) {
    const { device_raise_irq } = cpu;
    cpu.device_raise_irq = irq => {
      if (this.depth === 0) return device_raise_irq(irq);
      const flags = cpu.flags[0]!;
      cpu.flags[0] = flags & ~INTERRUPTS_ON;
      device_raise_irq(irq);
      cpu.flags[0] = flags;
    };
  }

  during<T>(access: () => T): T {
    this.depth++;
    try {
      return access();
    } finally {
      this.depth--;
    }
  }
}
