import { createHash } from 'node:crypto';
import type { Engine } from '../engine/engine';
import { MachineError } from '../errors';

/** Of one read or write. */
export const MAX_MEMORY_BYTES = 256 << 10;
export const MAX_PATTERN_BYTES = 256;
export const MAX_MATCHES = 1000;

/**
 * A guest's RAM as seen from outside (Palacios's `v3_guest_mem_access`). All of it happens between two stretches of guest
 * code: what is read or hashed is of one instant, and what is written is there before the guest goes on. Addresses are
 * guest physical.
 */
export class GuestMemoryAccess {
  constructor(private readonly engine: Engine) {}

  read(address: number, length: number): Uint8Array<ArrayBuffer> {
    this.check(address, length, MAX_MEMORY_BYTES);
    return new Uint8Array(this.engine.memory.bytes().subarray(address, address + length));
  }

  /** A copy that is under way finds it, as it finds what the guest writes: by comparing. */
  write(address: number, bytes: Uint8Array): void {
    this.check(address, bytes.length, MAX_MEMORY_BYTES);
    this.engine.writeRam(address, bytes);
  }

  /** SHA-256, hexadecimal. */
  hash(address: number, length: number): string {
    this.check(address, length, Infinity);
    const bytes = this.engine.memory.bytes().subarray(address, address + length);
    return createHash('sha256').update(bytes).digest('hex');
  }

  /** Where a pattern is, lowest first, at most `limit` places; they may lie over each other. */
  search(pattern: Uint8Array, address: number, length: number, limit: number): number[] {
    this.check(address, length, Infinity);
    if (pattern.length === 0 || pattern.length > MAX_PATTERN_BYTES) {
      throw refused(`a pattern has 1 to ${MAX_PATTERN_BYTES} bytes, not ${pattern.length}`);
    }
    const bytes = this.engine.memory.bytes();
    const ram = Buffer.from(bytes.buffer, bytes.byteOffset, address + length);
    const found: number[] = [];
    for (let at = ram.indexOf(pattern, address); at >= 0 && found.length < limit;) {
      found.push(at);
      at = ram.indexOf(pattern, at + 1);
    }
    return found;
  }

  private check(address: number, length: number, most: number): void {
    const { size } = this.engine.memory;
    const whole = Number.isInteger(address) && Number.isInteger(length) && address >= 0 && length > 0;
    if (!whole || address + length > size) {
      throw refused(
        `${length} bytes at 0x${address.toString(16)} are not in the guest's RAM, which ends at 0x${size.toString(16)}`,
      );
    }
    if (length > most) throw refused(`at most ${most} bytes at a time, not ${length}`);
  }
}

const refused = (message: string) => new MachineError('INVALID_REQUEST', message);
