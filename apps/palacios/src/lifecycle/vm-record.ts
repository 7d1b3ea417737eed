import { isLive, V3Error, type VmState, type VmStatus } from '@v3vee/contracts';
import { mayMove } from './states';
import type { StatusLog, StatusRecord } from './ports';
import { patiently } from './within';

/**
 * How long a verb waits for its transition to become durable. Past it the verb answers with what is true (the
 * guest runs, whatever the database does) and the log goes on trying.
 */
const PATIENCE_MS = 5_000;

export type Change = Partial<Omit<StatusRecord, 'vmId' | 'state' | 'reason'>>;

/** What a VM is and is to be: every change goes to the log and is announced. */
export class VmRecord {
  #record: Readonly<StatusRecord>;

  constructor(
    record: StatusRecord,
    private readonly log: StatusLog,
  ) {
    this.#record = record;
  }

  get now(): Readonly<StatusRecord> {
    return this.#record;
  }

  /** As clients see it. */
  status(): VmStatus {
    const { vmId, epoch, state, reason, agent, ips, startedAt } = this.#record;
    return { vmId, epoch, state, reason, agent, ips, startedAt: startedAt?.toISOString() ?? null };
  }

  /** @returns whether the change is durable already; if not it will be, and is announced anyway */
  move(state: VmState, reason: string, change: Change = {}): Promise<boolean> {
    return this.#become(this.#moved(state, reason, change));
  }

  update(change: Change): Promise<boolean> {
    return this.#become({ ...this.#record, ...change });
  }

  /** A move that holds only if `write` succeeds. */
  async commit(
    state: VmState,
    reason: string,
    change: Change,
    write: (record: StatusRecord) => Promise<void>,
  ): Promise<void> {
    const record = this.#moved(state, reason, change);
    await write(record);
    this.#record = record;
    this.log.announce(this.status());
  }

  #moved(state: VmState, reason: string, change: Change): StatusRecord {
    const from = this.#record.state;
    if (!mayMove(from, state)) {
      throw new V3Error('INTERNAL', `a VM can't go from ${from} to ${state} (${reason})`);
    }
    const gone = isLive(state) ? {} : { agent: false, ips: [], startedAt: null };
    return { ...this.#record, ...gone, ...change, state, reason };
  }

  #become(record: StatusRecord): Promise<boolean> {
    this.#record = record;
    this.log.announce(this.status());
    return patiently(PATIENCE_MS, this.log.write(record));
  }
}
