import { V3Error } from '@v3vee/contracts';
import { storeError } from './constraints';

/** How long after a failed reading of the store it is tried again, ms. */
const RETRY_MS = 500;

/**
 * Puts in force what the store holds: at start, when somebody says that it changed, and when that may have been missed.
 * One reading at a time, in the order of asking; one that fails is tried again, and what was in force stays.
 */
export class StoreFollower {
  #turn: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #stopping = false;
  #loaded = false;

  /** @param onFailure is told why; it will be tried again */
  constructor(
    private readonly read: () => Promise<void>,
    private readonly onFailure: (error: V3Error) => void,
  ) {}

  /** Whether it was read at all. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Resolves when what the store holds now is in force. @throws V3Error SERVICE_UNAVAILABLE, and what `read` throws */
  async reload(): Promise<void> {
    const reading = this.#turn.then(async () => {
      if (this.#stopping) return;
      await this.read();
      this.#loaded = true;
    });
    this.#turn = reading.catch(() => undefined);
    try {
      await reading;
    } catch (thrown) {
      const error = V3Error.from(storeError(thrown));
      this.onFailure(error);
      this.#later();
      throw error;
    }
  }

  /** As `reload`, but nobody waits for it. */
  reloadInTime(): void {
    // Told of already, and tried again.
    this.reload().catch(() => undefined);
  }

  /** Resolves when a reading that was under way is over. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    await this.#turn;
  }

  #later(): void {
    if (this.#stopping || this.#retry) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.reloadInTime();
    }, RETRY_MS);
  }
}
