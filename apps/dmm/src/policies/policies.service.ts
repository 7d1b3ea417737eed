import { BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { defaultDmmPolicy, type DmmPolicy } from '@v3vee/contracts';
import { Readiness } from '@v3vee/service';
import { DmmPolicyRepository, StoreFollower } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';

/** How each card is shared, as the store says. */
@Injectable()
export class PoliciesService implements BeforeApplicationShutdown {
  /** They may be others now. */
  onChange: () => void = () => undefined;
  private policies: ReadonlyMap<string, DmmPolicy> | undefined;
  private readonly store: StoreFollower;

  constructor(repository: DmmPolicyRepository, log: PinoLogger, readiness: Readiness) {
    log.setContext('Policies');
    this.store = new StoreFollower(
      async () => {
        this.policies = await repository.all();
        this.onChange();
      },
      ({ message: error }) => log.warn({ error }, 'the policies could not be read; will be tried again'),
    );
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
    await this.store.reload();
  }

  /** As `reload`, but nobody waits for it. */
  reloadInTime(): void {
    this.store.reloadInTime();
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.store.stop();
  }
}
