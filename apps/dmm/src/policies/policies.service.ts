import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { defaultDmmPolicy, V3Error, type DmmPolicy } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { DmmPolicyRepository, storeError } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';

/** How long after a failed reading of the store it is tried again, ms. */
const RETRY_MS = 500;

/** How each card is shared, as the store says. */
@Injectable()
export class PoliciesService implements BeforeApplicationShutdown {
  /** They may be others now. */
  onChange: () => void = () => undefined;
  private policies: ReadonlyMap<string, DmmPolicy> | undefined;
  /** One reading at a time, in the order of asking. */
  private turn: Promise<void> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(
    private readonly repository: DmmPolicyRepository,
    private readonly log: PinoLogger,
    readiness: Readiness,
  ) {
    log.setContext('Policies');
    readiness.add('policies', () => this.policies !== undefined || 'the policies have not been read yet');
  }

  of(device: string): DmmPolicy {
    return this.policies?.get(device) ?? defaultDmmPolicy;
  }

  /**
   * Resolves when what the store holds now is in force.
   * @throws V3Error SERVICE_UNAVAILABLE; then it is tried again, and the last ones are in force
   */
  async reload(): Promise<void> {
    const reading = this.turn.then(async () => {
      this.policies = await this.repository.all();
    });
    this.turn = reading.catch(() => undefined);
    try {
      await reading;
    } catch (thrown) {
      const error = V3Error.from(storeError(thrown));
      this.log.warn({ error: error.message }, 'the policies could not be read; will be tried again');
      this.later();
      throw error;
    }
    this.onChange();
  }

  /** As `reload`, but nobody waits for it. */
  reloadInTime(): void {
    // Told of already, and tried again.
    this.reload().catch(() => undefined);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retry);
    await this.turn;
  }

  private later(): void {
    if (this.stopping || this.retry) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.reloadInTime();
    }, RETRY_MS);
  }
}
