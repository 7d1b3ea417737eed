import type { Bus, Stoppable } from '@v3vee/bus';
import { kittenCalls, kittenHeartbeat, V3Error, type Allocation, type ErrorCode } from '@v3vee/contracts';
import type { HostResources, Log } from '../lifecycle/ports';

/** Kitten answers from memory; silence means that it is being restarted. */
const CALL_MS = 2_000;
const RETRY_MS = 250;

export interface KittenResourcesOptions {
  bus: Bus;
  host: string;
  /** A VM has no core any more. */
  onGivenBack?: (vmId: string) => void;
  log: Log;
}

const MIB = 1 << 20;
/** After these nothing has changed. */
const REFUSALS = new Set<ErrorCode>([
  'HOST_CORE_NOT_FOUND',
  'HOST_CORE_IN_USE',
  'HOST_CORES_EXHAUSTED',
  'HOST_MEMORY_EXHAUSTED',
  'INVALID_REQUEST',
]);

export const taskOf = (vmId: string) => `vm/${vmId}`;
const isGuest = (task: string) => task.startsWith('vm/');

/**
 * What this Palacios holds of its host's memory and cores. Kitten keeps its map in memory alone: when it comes
 * back as another incarnation, what the guests hold is claimed again; what they no longer hold is given back
 * as soon as Kitten answers.
 */
export class KittenResources implements HostResources {
  readonly #held = new Map<string, Allocation>();
  /** Tasks that Kitten may still have memory for, but nobody uses. */
  readonly #toFree = new Set<string>();
  /** Tasks whose core is not known: an answer of Kitten got lost. */
  readonly #unsure = new Set<string>();
  #incarnation: string | undefined;
  #claimed = false;
  #settling = false;
  #stopped = false;
  #subscription: Stoppable | undefined;

  constructor(private readonly options: KittenResourcesOptions) {}

  /** Whether Kitten knows what this host's guests hold: true, or why not. */
  get ready(): true | string {
    if (this.#incarnation === undefined) return `kitten on ${this.options.host} has not answered yet`;
    return this.#claimed || 'kitten has not confirmed what the guests hold';
  }

  /**
   * Waits for Kitten as long as that takes, then frees whatever an earlier Palacios left behind: its guests
   * died with it.
   */
  async open(): Promise<void> {
    const { bus, host, log } = this.options;
    let told = false;
    while (!this.#stopped && this.#incarnation === undefined) {
      try {
        const inventory = await bus.call(kittenCalls.inventory, host, {}, { timeoutMs: CALL_MS });
        for (const { task } of inventory.allocations) if (isGuest(task)) this.#toFree.add(task);
        this.#incarnation = inventory.incarnation;
      } catch (thrown) {
        if (!told) log.warn({ error: V3Error.from(thrown).message }, 'kitten does not answer yet');
        told = true;
        await new Promise(resolve => setTimeout(resolve, RETRY_MS));
      }
    }
    if (this.#stopped) return;
    this.#subscription = bus.listen(kittenHeartbeat, host, ({ incarnation }) => {
      if (incarnation !== this.#incarnation) {
        this.#incarnation = incarnation;
        this.#claimed = false;
      }
      void this.#settle();
    });
    await this.#settle();
  }

  async take(vmId: string, memoryMiB: number): Promise<void> {
    const task = taskOf(vmId);
    this.#toFree.delete(task);
    if (this.#held.has(task)) return this.resize(vmId, memoryMiB);
    try {
      this.#held.set(task, await this.#allocate(task, memoryMiB));
    } catch (thrown) {
      // An answer that got lost may have been a yes.
      if (!this.#held.has(task)) this.#toFree.add(task);
      throw thrown;
    }
  }

  async giveBack(vmId: string): Promise<void> {
    const task = taskOf(vmId);
    if (!this.#held.delete(task)) return;
    this.options.onGivenBack?.(vmId);
    this.#toFree.add(task);
    await this.#free(task);
  }

  async resize(vmId: string, memoryMiB: number): Promise<void> {
    const { bus, host } = this.options;
    const task = taskOf(vmId);
    const held = this.#held.get(task);
    if (held?.length === memoryMiB * MIB) return;
    try {
      const resized = await this.#claimedFirst(() =>
        bus.call(kittenCalls.resize, host, { task, memoryMiB }, { timeoutMs: CALL_MS }),
      );
      if (this.#held.has(task)) this.#held.set(task, resized);
    } catch (thrown) {
      if (!REFUSALS.has(V3Error.from(thrown).code)) this.#unsure.add(task);
      throw thrown;
    }
  }

  async moveCore(vmId: string, core: number): Promise<void> {
    const { bus, host } = this.options;
    const task = taskOf(vmId);
    try {
      const moved = await this.#claimedFirst(() =>
        bus.call(kittenCalls.moveCore, host, { task, core }, { timeoutMs: CALL_MS }),
      );
      if (this.#held.has(task)) this.#held.set(task, moved);
    } catch (thrown) {
      if (!REFUSALS.has(V3Error.from(thrown).code)) this.#unsure.add(task);
      throw thrown;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#subscription?.stop();
  }

  #allocate(task: string, memoryMiB: number): Promise<Allocation> {
    const { bus, host } = this.options;
    return this.#claimedFirst(() =>
      bus.call(kittenCalls.allocate, host, { task, memoryMiB }, { timeoutMs: CALL_MS }),
    );
  }

  /** As much as before, wherever it is now. */
  #resized(task: string, memoryMiB: number): Promise<Allocation> {
    const { bus, host } = this.options;
    return this.#claimedFirst(() =>
      bus.call(kittenCalls.resize, host, { task, memoryMiB }, { timeoutMs: CALL_MS }),
    );
  }

  async #claimedFirst<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      if (V3Error.from(thrown).code !== 'HOST_NOT_CLAIMED') throw thrown;
      // It restarted a moment ago and its heartbeat is still to come.
      await this.#claim();
      return ask();
    }
  }

  /** Brings Kitten's map in line with what is held here. Tried again at each of its heartbeats. */
  async #settle(): Promise<void> {
    if (this.#settling) return;
    this.#settling = true;
    try {
      for (const task of this.#toFree) await this.#free(task);
      if (!this.#claimed) await this.#claim();
      for (const task of this.#unsure) await this.#lookUp(task);
    } finally {
      this.#settling = false;
    }
  }

  async #free(task: string): Promise<void> {
    try {
      await this.options.bus.call(kittenCalls.free, this.options.host, { task }, { timeoutMs: CALL_MS });
      if (!this.#held.has(task)) this.#toFree.delete(task);
    } catch (thrown) {
      this.options.log.warn({ task, error: V3Error.from(thrown).message }, 'memory not given back yet');
    }
  }

  /** Asked again for what it has, Kitten says where that is. */
  async #lookUp(task: string): Promise<void> {
    const held = this.#held.get(task);
    try {
      if (held) this.#held.set(task, await this.#resized(task, held.length / MIB));
      this.#unsure.delete(task);
    } catch (thrown) {
      this.options.log.warn({ task, error: V3Error.from(thrown).message }, 'its core is not known yet');
    }
  }

  async #claim(): Promise<void> {
    const incarnation = this.#incarnation;
    const allocations = [...this.#held.values()];
    try {
      await this.options.bus.call(
        kittenCalls.claim,
        this.options.host,
        { allocations },
        { timeoutMs: CALL_MS },
      );
      if (incarnation === this.#incarnation) this.#claimed = true;
      this.options.log.info({ guests: allocations.length }, 'told kitten what the guests hold');
    } catch (thrown) {
      this.options.log.error(
        { error: V3Error.from(thrown).message },
        'kitten refused what the guests hold; they run on, and it is asked again',
      );
    }
  }
}
