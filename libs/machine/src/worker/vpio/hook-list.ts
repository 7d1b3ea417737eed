import type { HookRule } from '@v3vee/contracts';

/** How the VMM treats an access; the numbers are ranks, the strictest counts. */
export const Hook = { open: 0, shadow: 1, exit: 2 } as const;
export type Hook = (typeof Hook)[keyof typeof Hook];

const WINDOW = 0x100;
const SIZES = 3;

/** A rule that depends on the byte that is written. */
interface ValueRule {
  offset: number;
  class: Hook;
  mask: number;
  equals: readonly number[];
}

/**
 * A hooked I/O list, compiled to tables: one look per access. Like a port bitmap, it knows offsets and widths, and no
 * state of the device.
 */
export class HookList {
  private readonly reads = new Uint8Array(SIZES * WINDOW);
  private readonly writes = new Uint8Array(SIZES * WINDOW);
  /** By offset: where rules by value stand. */
  private readonly byValue: ValueRule[][] = [];

  constructor(readonly rules: readonly HookRule[] = []) {
    for (const rule of rules) {
      const rank = Hook[rule.class];
      if (rule.when) this.addByValue(rule, rank);
      else this.add(rule.direction === 'read' ? this.reads : this.writes, rule, rank);
    }
  }

  /** @param size 1, 2 or 4 bytes */
  ofRead(offset: number, size: number): Hook {
    return this.reads[(size >> 1) * WINDOW + offset] as Hook;
  }

  /** @param size 1, 2 or 4 bytes */
  ofWrite(offset: number, size: number, value: number): Hook {
    const rank = this.writes[(size >> 1) * WINDOW + offset] as Hook;
    return this.byValue.length === 0 ? rank : this.strictest(rank, offset, size, value);
  }

  private add(table: Uint8Array, { offset, length }: HookRule, rank: Hook): void {
    for (let width = 0; width < SIZES; width++) {
      const first = Math.max(0, offset - (1 << width) + 1);
      for (let at = first; at < Math.min(offset + length, WINDOW); at++) {
        const slot = width * WINDOW + at;
        table[slot] = Math.max(table[slot]!, rank);
      }
    }
  }

  private addByValue({ offset, length, when }: HookRule, rank: Hook): void {
    const { mask, equals } = when!;
    for (let at = offset; at < offset + length; at++) {
      (this.byValue[at] ??= []).push({ offset: at, class: rank, mask, equals });
    }
  }

  private strictest(rank: Hook, offset: number, size: number, value: number): Hook {
    for (let i = 0; i < size; i++) {
      const byte = (value >>> (8 * i)) & 0xff;
      for (const rule of this.byValue[offset + i] ?? []) {
        if (rule.class > rank && rule.equals.includes(byte & rule.mask)) rank = rule.class;
      }
    }
    return rank;
  }
}
