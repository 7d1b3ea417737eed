import { V3Error, vmChanged, type VmStatus } from '@v3vee/contracts';
import type { Bus } from '@v3vee/bus';
import { storeError, type VmStatusRepository } from '@v3vee/store';
import type { EntityManager } from 'typeorm';
import type { Log, StatusLog, StatusRecord } from '../lifecycle/ports';
import { patiently } from '../lifecycle/within';

const RETRY = { first: 100, last: 5_000 };

/** The records of one VM that are not durable yet. Only the newest is worth writing. */
interface Pending {
  record: StatusRecord;
  written: Promise<void>;
}

/**
 * Writes each VM's status in order. A database that is away does not lose what happened: the newest record of
 * each VM is tried again until it is written, and those between are skipped.
 */
export class DurableStatusLog implements StatusLog {
  readonly #pending = new Map<string, Pending>();
  #closed = false;

  constructor(
    private readonly options: {
      host: string;
      repository: Pick<VmStatusRepository, 'save' | 'forget'>;
      bus: Pick<Bus, 'announce'>;
      log: Log;
    },
  ) {}

  write(record: StatusRecord): Promise<void> {
    const pending = this.#pending.get(record.vmId);
    if (pending) {
      pending.record = record;
      return pending.written;
    }
    const added: Pending = { record, written: Promise.resolve() };
    this.#pending.set(record.vmId, added);
    added.written = this.#drain(record.vmId, added);
    return added.written;
  }

  async writeWith(record: StatusRecord, transaction: EntityManager): Promise<void> {
    // An older record must not overwrite this one afterwards.
    await this.#pending.get(record.vmId)?.written;
    if (!(await this.options.repository.save(record, transaction))) {
      throw new V3Error('VM_NOT_FOUND', 'the VM was deleted, or moved to another host, meanwhile');
    }
  }

  announce(status: VmStatus): void {
    this.options.bus.announce(vmChanged, this.options.host, status);
  }

  async forget(vmId: string): Promise<void> {
    await this.#pending.get(vmId)?.written;
    await this.options.repository.forget(vmId);
  }

  /** Of how many VMs the newest status is not durable yet. */
  get behind(): number {
    return this.#pending.size;
  }

  /** Gives what is not durable yet some time, then ends all further attempts. */
  async close(graceMs: number): Promise<void> {
    await patiently(graceMs, Promise.all([...this.#pending.values()].map(({ written }) => written)));
    this.#closed = true;
  }

  async #drain(vmId: string, pending: Pending): Promise<void> {
    let pause = RETRY.first;
    // The next turn: changes of one turn are one write.
    await Promise.resolve();
    for (;;) {
      const { record } = pending;
      try {
        const written = await this.options.repository.save(record);
        if (!written) this.options.log.warn({ vmId }, 'status not written: the VM is deleted or has moved');
        if (pending.record === record) break;
        pause = RETRY.first;
      } catch (thrown) {
        if (this.#closed) break;
        const { message } = V3Error.from(storeError(thrown));
        this.options.log.warn({ vmId, error: message }, 'status not written yet');
        await new Promise(resolve => setTimeout(resolve, pause));
        pause = Math.min(pause * 2, RETRY.last);
        if (this.#closed) break;
      }
    }
    this.#pending.delete(vmId);
  }
}
