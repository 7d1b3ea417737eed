import type { ResponseOf } from '@v3vee/contracts';
import type { MemoryClient } from '@v3vee/machine';
import type { MemoryAccess, MemoryRange } from '../lifecycle/ports';

/** A guest's memory as the calls of its Palacios have it. */
export class GuestMemory implements MemoryAccess {
  constructor(
    private readonly memory: MemoryClient,
    private readonly bytes: number,
  ) {}

  async read({ address, length }: Required<MemoryRange>): Promise<ResponseOf<'readVmMemory'>> {
    const bytes = await this.memory.read(address, length);
    return { address, data: Buffer.from(bytes).toString('base64') };
  }

  async write({ address, data }: { address: number; data: string }): Promise<void> {
    await this.memory.write(address, new Uint8Array(Buffer.from(data, 'base64')));
  }

  async hash({ address, length = this.bytes - address }: MemoryRange): Promise<ResponseOf<'hashVmMemory'>> {
    return { address, length, sha256: await this.memory.hash(address, length) };
  }

  /** One more than asked for is looked for, to say whether there are more. */
  async search({
    pattern,
    address,
    length,
    limit,
  }: MemoryRange & { pattern: string; limit: number }): Promise<ResponseOf<'searchVmMemory'>> {
    const bytes = new Uint8Array(Buffer.from(pattern, 'hex'));
    const found = await this.memory.search(bytes, { address, length, limit: limit + 1 });
    return { addresses: found.slice(0, limit), more: found.length > limit };
  }
}
