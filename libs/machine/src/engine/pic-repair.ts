import type { V86Cpu } from './v86-internals';

/**
 * Repairs a fault in the engine's interrupt controllers. When the slave withdraws its request before the CPU took
 * it, the master's IRQ 2 stays latched unless bit 2 of the master's edge/level register is set; a phantom
 * acknowledge then leaves IRQ 2 in service for ever and IRQ 3 to 15 are dead. Bulk traffic hits this within
 * seconds. Setting the bit makes the cascade line level-triggered, which is what it is in effect. The BIOS and
 * saved states clear it, hence the check before every timer run.
 */

const PIC_LENGTH = 13;
const IN_SERVICE = 2;
const ELCR = 10;
const CASCADE = 1 << 2;
/**
 * A driver ends an interrupt at the slave first, then at the master: in between, the state looks the same. It lasts a
 * few instructions; this many checks, about a millisecond apart, are no such moment.
 */
const STUCK_CHECKS = 100;

export class PicRepair {
  private buffer: ArrayBufferLike | undefined;
  private master!: Uint8Array;
  private slave!: Uint8Array;
  /** How often the bit had to be set: once per BIOS boot or restore. */
  repaired = 0;
  /** How often the master went on serving the cascade with nothing in service at the slave: IRQ 3 to 15 were dead. */
  stuck = 0;
  private suspicious = 0;

  constructor(private readonly cpu: V86Cpu) {}

  check(): void {
    const { buffer } = this.cpu.wasm_memory;
    if (buffer !== this.buffer) {
      this.buffer = buffer;
      this.master = new Uint8Array(buffer, this.cpu.get_pic_addr_master(), PIC_LENGTH);
      this.slave = new Uint8Array(buffer, this.cpu.get_pic_addr_slave(), PIC_LENGTH);
    }
    if (!(this.master[ELCR]! & CASCADE)) {
      this.master[ELCR]! |= CASCADE;
      this.repaired++;
    }
    const orphaned = this.master[IN_SERVICE]! & CASCADE && this.slave[IN_SERVICE] === 0;
    this.suspicious = orphaned ? this.suspicious + 1 : 0;
    if (this.suspicious === STUCK_CHECKS) this.stuck++;
  }
}
