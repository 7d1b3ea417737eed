import { V3Error } from '@v3vee/contracts';

/**
 * One piece of work at a time on a VM. A verb that finds another under way is refused (VM_BUSY); what has to
 * be done anyway (the guest ended, Palacios shuts down) waits its turn.
 */
export class VerbLock {
  #tail: Promise<unknown> = Promise.resolve();
  #current: string | undefined;
  #queued = 0;

  /** What is under way, if anything. */
  get current(): string | undefined {
    return this.#current;
  }

  /** @throws V3Error VM_BUSY */
  async try<T>(what: string, vmName: string, work: () => Promise<T>): Promise<T> {
    if (this.#queued > 0) {
      throw new V3Error(
        'VM_BUSY',
        `${this.#current ?? 'another operation'} is under way on VM ${vmName}; try ${what} again when it is done`,
      );
    }
    return this.wait(what, work);
  }

  async wait<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#queued++;
    const turn = this.#tail.then(async () => {
      this.#current = what;
      try {
        return await work();
      } finally {
        this.#current = undefined;
        this.#queued--;
      }
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
