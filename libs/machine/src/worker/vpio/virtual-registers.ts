import type { VirtualRegister } from '@v3vee/device-models';

/** Where two ranges of bytes meet. */
const touches = (offset: number, size: number, from: number, length: number): boolean =>
  offset < from + length && from < offset + size;

/**
 * What the VMM answers for after a restore because no register of the device takes it: see {@link VirtualRegister}. The
 * list is empty most of the time, and short when it is not.
 */
export class VirtualRegisters {
  constructor(private list: VirtualRegister[] = []) {}

  get any(): boolean {
    return this.list.length > 0;
  }

  /** What a guest is to read where the device has `value`. */
  read(page: number, offset: number, size: number, value: number): number {
    const touched = this.list.filter(
      register => register.page === page && touches(offset, size, register.offset, register.size),
    );
    if (touched.length === 0) return value;
    let bits = BigInt(value);
    for (const register of touched) {
      for (let i = 0; i < register.size; i++) {
        const at = register.offset + i - offset;
        if (at < 0 || at >= size) continue;
        const byte = BigInt((register.value >>> (8 * i)) & 0xff) << BigInt(8 * at);
        const mask = 0xffn << BigInt(8 * at);
        bits = register.kind === 'sticky' ? bits | byte : (bits & ~mask) | byte;
      }
    }
    return Number(bits);
  }

  /** The guest wrote: what it acknowledged or made true is virtual no more. */
  written(page: number, offset: number, size: number, value: number): void {
    this.list = this.list.filter(register => {
      if (register.until?.length || register.kind === 'fixed') {
        if (ends(register, page, offset, size, value)) return false;
      }
      if (register.kind === 'fixed' || register.page !== page) return true;
      for (let i = 0; i < register.size; i++) {
        const at = register.offset + i - offset;
        if (at >= 0 && at < size) register.value &= ~(((value >>> (8 * at)) & 0xff) << (8 * i));
      }
      return register.value !== 0;
    });
  }

  /** The bits of a register that are still to be reported. */
  sticky(offset: number): number {
    return this.list.reduce(
      (bits, register) =>
        register.kind === 'sticky' && register.offset === offset ? bits | register.value : bits,
      0,
    );
  }

  /** Those that still stand, together with what a new context says of registers that these do not speak of. */
  mergedInto(fresh: readonly VirtualRegister[]): VirtualRegister[] {
    const same = (a: VirtualRegister, b: VirtualRegister) =>
      a.kind === b.kind && a.offset === b.offset && a.page === b.page;
    const merged = fresh.map(register => {
      const pending = this.list.find(each => same(each, register));
      if (!pending) return { ...register };
      return pending.kind === 'fixed'
        ? { ...pending }
        : { ...register, value: (register.value | pending.value) >>> 0 };
    });
    const others = this.list.filter(pending => !fresh.some(each => same(each, pending)));
    return [...merged, ...others.map(each => ({ ...each }))];
  }
}

function ends(
  { until, offset: own, size: ownSize, page: ownPage }: VirtualRegister,
  page: number,
  offset: number,
  size: number,
  value: number,
): boolean {
  if (!until) return page === ownPage && touches(offset, size, own, ownSize);
  return until.some(({ offset: from, length, mask = 0xff, equals }) => {
    if (!touches(offset, size, from, length)) return false;
    if (!equals) return true;
    for (let at = Math.max(offset, from); at < Math.min(offset + size, from + length); at++) {
      if (equals.includes((value >>> (8 * (at - offset))) & mask)) return true;
    }
    return false;
  });
}
