import type { CardModel } from '@v3vee/contracts';
import type { VirtualRegister } from './model';

/** Widths in bits of the unsigned numbers that a record must hold, by name. */
export type Widths<T> = { readonly [K in keyof T]: number };

/** More than any card has registers that cannot be written back. */
const MAX_VIRTUAL = 32;
const MAX_ENDS = 8;

/**
 * Checks of a device context that comes from outside: a file, another host. Each takes a copy of what it checks, so
 * that nothing unknown comes along, and throws an Error that says what is wrong.
 */
export class ContextCheck {
  constructor(private readonly model: CardModel) {}

  refuse(what: string): Error {
    return new Error(`context of ${this.model} refused: ${what}`);
  }

  object(value: unknown, what: string): Record<string, unknown> {
    if (typeof value !== 'object' || value === null) throw this.refuse(`${what} is not an object`);
    return value as Record<string, unknown>;
  }

  /** The context itself, if it says that it is one of this model and version. */
  context(value: unknown, version: number): Record<string, unknown> {
    const found = this.object(value, 'it');
    if (found.model !== this.model || found.version !== version) {
      throw this.refuse(
        `it is version ${String(found.version)} of ${String(found.model)}, not version ${version}`,
      );
    }
    return found;
  }

  /** An unsigned number of that many bits. */
  number(value: unknown, bits: number, what: string): number {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= 2 ** bits) {
      throw this.refuse(`${what} is ${shown(value)}, not an unsigned number of ${bits} bits`);
    }
    return value as number;
  }

  /** The numbers that `widths` names, nothing else. */
  numbers<T>(value: unknown, widths: Widths<T>, what: string): T {
    const found = this.object(value, what);
    const copy: Record<string, number> = {};
    for (const [name, bits] of Object.entries<number>(widths)) {
      copy[name] = this.number(Object.hasOwn(found, name) ? found[name] : undefined, bits, name);
    }
    return copy as T;
  }

  bytes(value: unknown, length: number, what: string): Uint8Array<ArrayBuffer> {
    if (!(value instanceof Uint8Array) || value.length !== length) {
      throw this.refuse(`${what} is not an array of ${length} bytes`);
    }
    return Uint8Array.from(value);
  }

  /** Virtual registers of a device with a window of that many bytes, and that many pages of registers. */
  virtual(value: unknown, windowSize: number, pages: number): VirtualRegister[] {
    return this.list(value, MAX_VIRTUAL, 'the set of virtual registers').map(item => {
      const { kind, offset, size, page, value: content, until } = this.object(item, 'a virtual register');
      if (kind !== 'sticky' && kind !== 'fixed') throw this.refuse(`a virtual register is ${shown(kind)}`);
      if (size !== 1 && size !== 2 && size !== 4) throw this.refuse(`a register has ${shown(size)} bytes`);
      const register: VirtualRegister = {
        kind,
        offset: this.inside(offset, size, windowSize),
        size,
        page: this.number(page, 8, 'the page of a virtual register'),
        value: this.number(content, 8 * size, 'the value of a virtual register'),
      };
      if (register.page >= pages) throw this.refuse(`there is no page ${register.page}`);
      if (until === undefined) return register;
      const ends = this.list(until, MAX_ENDS, 'what ends a virtual register');
      return { ...register, until: ends.map(end => this.end(end, windowSize)) };
    });
  }

  private end(value: unknown, windowSize: number): NonNullable<VirtualRegister['until']>[number] {
    const found = this.object(value, 'what ends a virtual register');
    const length = this.number(found.length, 16, 'a length');
    const end: NonNullable<VirtualRegister['until']>[number] = {
      offset: this.inside(found.offset, length, windowSize),
      length,
    };
    if (found.mask !== undefined) end.mask = this.number(found.mask, 32, 'a mask');
    if (found.equals !== undefined) {
      end.equals = this.list(found.equals, 256, 'a set of values').map(n => this.number(n, 32, 'a value'));
    }
    return end;
  }

  private inside(value: unknown, length: number, windowSize: number): number {
    const offset = this.number(value, 16, 'an offset');
    if (length < 1 || offset + length > windowSize) {
      throw this.refuse(`${length} bytes at 0x${offset.toString(16)} are not registers`);
    }
    return offset;
  }

  private list(value: unknown, limit: number, what: string): unknown[] {
    if (!Array.isArray(value) || value.length > limit) {
      throw this.refuse(`${what} is not an array of up to ${limit}`);
    }
    return Array.from(value as unknown[]);
  }
}

/** A value in a message: short, whatever it is. */
const shown = (value: unknown): string =>
  typeof value === 'object' && value !== null ? 'an object' : String(value).slice(0, 40);
