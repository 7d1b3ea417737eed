import type { PacketMemory } from './packet-memory';
import { Cr, Dcr } from './registers';
import type { Ne2000Registers } from './state';

const NOTHING = 0xff;

/**
 * The controller's remote DMA channel: moves bytes between packet memory and the data port, RSAR up and RBCR down
 * (DP8390D datasheet, "Remote DMA"). With word transfer set (DCR bit 0), each 8- or 16-bit access moves a word and a
 * 32-bit access two; else every byte of an access moves a byte. An access while no transfer is under way, or in the
 * other direction, moves nothing: it reads all ones.
 */
export class RemoteDma {
  constructor(
    private readonly memory: PacketMemory,
    /** The byte count reached 0. */
    private readonly completed: () => void,
  ) {}

  /** A remote command was just written to CR. */
  begin(regs: Ne2000Registers): void {
    regs.sendNext = 0;
    if ((regs.cr & Cr.remoteMask) === Cr.sendPacket) {
      const header = regs.bnry << 8;
      regs.rsar = header;
      regs.rbcr = this.memory.read(header + 2) | (this.memory.read(header + 3) << 8);
      regs.sendNext = 1 + this.memory.read(header + 1);
    }
    if (!(regs.cr & Cr.remoteDone) && regs.rbcr === 0) this.finish(regs);
  }

  read(regs: Ne2000Registers, size: number): number {
    const command = regs.cr & Cr.remoteMask;
    const active = command === Cr.remoteRead || command === Cr.sendPacket;
    const words = (regs.dcr & Dcr.wordTransfer) !== 0;
    let value = 0;
    for (let i = 0; i < size; i++) {
      const byte = active && regs.rbcr > 0 ? this.memory.read(address(regs, words, i)) : NOTHING;
      value |= byte << (8 * i);
      if (active && stepsAfter(words, size, i)) this.advance(regs, words);
    }
    return value >>> 0;
  }

  write(regs: Ne2000Registers, size: number, value: number): void {
    if ((regs.cr & Cr.remoteMask) !== Cr.remoteWrite) return;
    const words = (regs.dcr & Dcr.wordTransfer) !== 0;
    // the upper half of a word that the access does not carry is not driven: it is stored as zero
    const bytes = words ? Math.max(size, 2) : size;
    for (let i = 0; i < bytes; i++) {
      if (regs.rbcr > 0) {
        this.memory.write(address(regs, words, i), i < size ? (value >>> (8 * i)) & 0xff : 0);
      }
      if (stepsAfter(words, bytes, i)) this.advance(regs, words);
    }
  }

  private advance(regs: Ne2000Registers, words: boolean): void {
    if (regs.rbcr === 0) return;
    const step = words ? 2 : 1;
    regs.rsar = (regs.rsar + step) & 0xffff;
    if (regs.rsar === regs.pstop << 8) regs.rsar = regs.pstart << 8; // the channel wraps in the ring
    regs.rbcr = Math.max(0, regs.rbcr - step);
    if (regs.rbcr === 0) this.finish(regs);
  }

  private finish(regs: Ne2000Registers): void {
    if (regs.sendNext) regs.bnry = regs.sendNext - 1;
    regs.sendNext = 0;
    regs.cr = (regs.cr & ~Cr.remoteMask) | Cr.remoteDone;
    this.completed();
  }
}

/** Where the `i`-th byte of an access lies: in word mode, address bit 0 is not driven. */
const address = (regs: Ne2000Registers, words: boolean, i: number): number =>
  words ? (regs.rsar & 0xfffe) | (i & 1) : regs.rsar;

/** Whether a transfer is complete behind the `i`-th byte of an access. */
const stepsAfter = (words: boolean, size: number, i: number): boolean =>
  !words || (i & 1) === 1 || i === size - 1;
