import { V3Error } from '@v3vee/contracts';
import { AddressSpace } from './address-space';

/** Ids of Kitten (include/lwk/aspace.h); users' are from that of the init task to 32767. */
export const BOOT_ASPACE = 0;
export const KERNEL_ASPACE = 1;
export const INIT_ASPACE = 2;
export const MAX_ASPACE = 32_767;

/** The address spaces of a host by id. */
export class AddressSpaces {
  private readonly spaces = new Map<number, AddressSpace>();
  /** Ids are used again as late as can be: a stale one names nobody for long. */
  private next = INIT_ASPACE + 1;

  /**
   * @param id of the kernel's own ones; absent: any that is free
   * @throws V3Error INVALID_REQUEST: the id is in use or none; HOST_MEMORY_EXHAUSTED: all are in use
   */
  create(name: string, id = this.freeId()): AddressSpace {
    if (!Number.isInteger(id) || id < 0 || id > MAX_ASPACE) {
      throw new V3Error('INVALID_REQUEST', `aspaces have the ids 0 to ${MAX_ASPACE}, not ${id}`);
    }
    const present = this.spaces.get(id);
    if (present) throw new V3Error('INVALID_REQUEST', `aspace ${id} is ${present.name}'s`);
    const space = new AddressSpace(id, name);
    this.spaces.set(id, space);
    return space;
  }

  /** @throws V3Error INVALID_REQUEST: there is none, or it is the kernel's */
  destroy(id: number): void {
    const space = this.get(id);
    if (id <= INIT_ASPACE)
      throw new V3Error('INVALID_REQUEST', `aspace ${id} (${space.name}) is the kernel's`);
    this.spaces.delete(id);
    for (const other of this.spaces.values()) other.forgetPeer(space);
  }

  /** @throws V3Error INVALID_REQUEST */
  get(id: number): AddressSpace {
    const space = this.spaces.get(id);
    if (!space) throw new V3Error('INVALID_REQUEST', `there is no aspace ${id}`);
    return space;
  }

  /** By id. */
  list(): AddressSpace[] {
    return [...this.spaces.values()].sort((a, b) => a.id - b.id);
  }

  private freeId(): number {
    for (let tried = INIT_ASPACE; tried <= MAX_ASPACE; tried++) {
      const id = this.next;
      this.next = id === MAX_ASPACE ? INIT_ASPACE + 1 : id + 1;
      if (!this.spaces.has(id)) return id;
    }
    throw new V3Error('HOST_MEMORY_EXHAUSTED', `all ${MAX_ASPACE - INIT_ASPACE} aspaces of users are in use`);
  }
}
