import { DeviceFault } from '../platform';

/** Widths in bits of the numbers that a saved state must hold, by name. */
export type Widths<T> = { readonly [K in keyof T]: number };

/** Checks of a saved state that comes from a file or from another host. Each throws {@link DeviceFault}. */
export class SavedState {
  constructor(private readonly device: string) {}

  refuse(what: string): DeviceFault {
    return new DeviceFault(this.device, `saved state refused: ${what}`);
  }

  object(value: unknown, what: string): Record<string, unknown> {
    if (typeof value !== 'object' || value === null) throw this.refuse(`${what} is not an object`);
    return value as Record<string, unknown>;
  }

  /** A copy of the unsigned numbers that `widths` names, nothing else. */
  numbers<T>(value: unknown, widths: Widths<T>): T {
    const found = this.object(value, 'the set of registers');
    const copy: Record<string, number> = {};
    for (const [name, bits] of Object.entries<number>(widths)) {
      const number = found[name];
      if (!Number.isInteger(number) || (number as number) < 0 || (number as number) >= 2 ** bits) {
        throw this.refuse(`${name} is ${String(number)}, not an unsigned number of ${bits} bits`);
      }
      copy[name] = number as number;
    }
    return copy as T;
  }

  /** A copy of an array of bytes of that length. */
  bytes(value: unknown, length: number, what: string): Uint8Array<ArrayBuffer> {
    if (!(value instanceof Uint8Array) || value.length !== length) {
      throw this.refuse(`${what} is not an array of ${length} bytes`);
    }
    return Uint8Array.from(value);
  }

  /** A copy of an array of that many numbers of 32 bits. */
  words(value: unknown, length: number, what: string): Uint32Array<ArrayBuffer> {
    // by name: an array that structuredClone made may be of another realm
    const isWords = Object.prototype.toString.call(value) === '[object Uint32Array]';
    if (!isWords || (value as Uint32Array).length !== length) {
      throw this.refuse(`${what} is not an array of ${length} numbers of 32 bits`);
    }
    return Uint32Array.from(value as Uint32Array);
  }
}
