import { V3Error } from '@v3vee/contracts';
import type { DmmViolationRepository, NewDmmViolation } from '@v3vee/store';
import { isRefused, WriteBehind } from './write-behind';

const EVERY_MS = 250;
/** Of a device that wait to be written; what is more pushes out the oldest. */
const MAX_WAITING = 1_000;

export interface ViolationWriterOptions {
  repository: Pick<DmmViolationRepository, 'insert'>;
  onFailure: (error: V3Error) => void;
  /** Were not and will not be written. */
  onLost: (device: string, count: number) => void;
}

/** Writes down denied DMA, behind the verdicts: a guest that makes many, or a database that is away, costs the others nothing. */
export class ViolationWriter {
  private readonly pending = new Map<string, NewDmmViolation[]>();
  private readonly behind: WriteBehind;

  constructor(private readonly options: ViolationWriterOptions) {
    this.behind = new WriteBehind({
      ...{ write: () => this.write(), isPending: () => this.pending.size > 0, everyMs: EVERY_MS },
      onFailure: thrown => options.onFailure(V3Error.from(thrown)),
    });
  }

  put(violation: NewDmmViolation): void {
    const { device } = violation;
    const waiting = this.pending.get(device) ?? [];
    waiting.push({ ...violation, register: printable(violation.register) });
    if (waiting.length > MAX_WAITING) {
      waiting.shift();
      this.options.onLost(device, 1);
    }
    this.pending.set(device, waiting);
    this.behind.wake();
  }

  close(): Promise<void> {
    return this.behind.close();
  }

  private async write(): Promise<void> {
    const { repository, onLost, onFailure } = this.options;
    for (const [device, violations] of [...this.pending]) {
      this.pending.delete(device);
      try {
        await repository.insert(violations);
      } catch (thrown) {
        if (isRefused(thrown)) {
          onFailure(V3Error.from(thrown));
          onLost(device, violations.length);
          continue;
        }
        this.putBack(device, violations);
        throw thrown;
      }
    }
  }

  private putBack(device: string, violations: NewDmmViolation[]): void {
    const all = [...violations, ...(this.pending.get(device) ?? [])];
    const kept = all.slice(-MAX_WAITING);
    if (kept.length < all.length) this.options.onLost(device, all.length - kept.length);
    this.pending.set(device, kept);
  }
}

/** A register's name comes from a host: Postgres takes no NUL, and people no page of text. */
function printable(text: string): string {
  return text.slice(0, 64).replace(/[^\x20-\x7e]/g, '?');
}
