import { V3Error } from '@v3vee/contracts';
import type { RegionDescription } from '../engine/memory-map';
import type { Command, CommandResult } from './protocol';

type MemoryCommand = Extract<Command, { type: `memory-${string}` | 'balloon' }>;
export type SendMemoryCommand = <C extends MemoryCommand>(command: C) => Promise<CommandResult[C['type']]>;

const PAGE_BYTES = 4096;

/**
 * A guest's memory from outside, whether it runs or not: each call is one instant between two stretches of its code.
 * Addresses are guest physical, in bytes.
 */
export class MemoryClient {
  constructor(
    private readonly bytes: number,
    private readonly send: SendMemoryCommand,
  ) {}

  /** RAM and what overrides it, by address. */
  map(): Promise<RegionDescription[]> {
    return this.send({ type: 'memory-map' });
  }

  /** At most 256 KiB. @throws V3Error INVALID_REQUEST not in RAM, or too much at a time */
  read(address: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.send({ type: 'memory-read', address, length });
  }

  /** At most 256 KiB. @throws V3Error INVALID_REQUEST likewise, VM_WRONG_STATE it is half a machine */
  async write(address: number, bytes: Uint8Array): Promise<void> {
    await this.send({ type: 'memory-write', address, bytes });
  }

  /** SHA-256, hexadecimal. @throws V3Error INVALID_REQUEST not in RAM */
  hash(address = 0, length = this.bytes - address): Promise<string> {
    return this.send({ type: 'memory-hash', address, length });
  }

  /** Where the pattern (1 … 256 bytes) is, at most `limit` places. @throws V3Error INVALID_REQUEST */
  search(
    pattern: Uint8Array,
    options: { address?: number; length?: number; limit?: number } = {},
  ): Promise<number[]> {
    const { address = 0, length = this.bytes - address, limit = 100 } = options;
    return this.send({ type: 'memory-search', pattern, address, length, limit });
  }

  /**
   * Asks the guest's balloon driver to give so many bytes back, which takes it some time: see the telemetry.
   * @throws V3Error VM_WRONG_STATE it has no balloon, INVALID_REQUEST no whole pages, or more than it has
   */
  async balloon(bytes: number): Promise<void> {
    const pages = bytes / PAGE_BYTES;
    if (!Number.isInteger(pages) || pages < 0 || bytes >= this.bytes) {
      const what = `${bytes} bytes of its ${this.bytes}`;
      throw new V3Error('INVALID_REQUEST', `a guest gives back whole pages of ${PAGE_BYTES}, not ${what}`);
    }
    await this.send({ type: 'balloon', pages });
  }
}
