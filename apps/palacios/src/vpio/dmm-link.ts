import type { Bus, Stoppable } from '@v3vee/bus';
import { dmmCalls, dmmHello, V3Error } from '@v3vee/contracts';
import type { ModelState } from '@v3vee/machine';
import type { Log } from '../lifecycle/ports';
import type { Questions, Seat } from './physical-card';

/** Between two attempts to reach a DMM that is away. */
const AGAIN_MS = 200;
/** Answered at once by a DMM that is there; one that is not is asked again. */
const CALL_MS = 2_000;
/** How often a wish that is not fulfilled is said again. */
const REPEAT_MS = 1_000;

/**
 * Carries the questions of this host's shared cards to the DMM. A guest waits for as long as the DMM or NATS is away,
 * and goes on when they are back: questions are repeated, and the DMM knows repeated ones.
 */
export class DmmLink implements Omit<Questions, 'trace'>, Stoppable {
  /** What each seat wishes, until it has the card. */
  readonly #wishes = new Map<Seat, { why: 'access' | 'frame'; state: ModelState }>();
  readonly #hello: Stoppable;
  readonly #again: NodeJS.Timeout;
  #stopped = false;

  constructor(
    private readonly bus: Bus,
    private readonly host: string,
    private readonly log: Log,
  ) {
    const repeat = () => {
      for (const seat of this.#wishes.keys()) void this.#acquire(seat);
    };
    this.#hello = bus.listen(dmmHello, undefined, repeat);
    // A greeting may be missed; a wish that is known already keeps its place.
    this.#again = setInterval(repeat, REPEAT_MS).unref();
  }

  stop(): void {
    this.#stopped = true;
    this.#hello.stop();
    clearInterval(this.#again);
    this.#wishes.clear();
  }

  wish(seat: Seat, { why, state }: { why: 'access' | 'frame'; state: ModelState }): void {
    this.#wishes.set(seat, { why, state });
    void this.#acquire(seat);
  }

  satisfied(seat: Seat): void {
    this.#wishes.delete(seat);
  }

  exit(seat: Seat, exit: Parameters<Questions['exit']>[1]): void {
    const { sequence, access, state } = exit;
    void this.#decide(seat, sequence, () =>
      this.bus.call(
        dmmCalls.exit,
        this.host,
        {
          ...this.#sharer(seat),
          ...{ sequence, access, state, mode: seat.guest.access, model: seat.card.model },
          memorySize: seat.guest.memorySize,
        },
        { timeoutMs: CALL_MS },
      ),
    );
  }

  violation(seat: Seat, { sequence, denied }: Parameters<Questions['violation']>[1]): void {
    void this.#decide(seat, sequence, () =>
      this.bus.call(dmmCalls.violation, this.host, { ...this.#sharer(seat), denied }, { timeoutMs: CALL_MS }),
    );
  }

  left(seat: Seat): void {
    const tell = () => this.bus.call(dmmCalls.release, this.host, this.#sharer(seat), { timeoutMs: CALL_MS });
    void this.#persist(tell, () => !this.#stopped).catch(thrown => this.#complain(seat, thrown));
  }

  async #acquire(seat: Seat): Promise<void> {
    const wish = () => this.#wishes.get(seat);
    const ask = () => {
      const { why, state } = wish()!;
      const { access, memorySize } = seat.guest;
      const model = seat.card.model;
      return this.bus.call(
        dmmCalls.acquire,
        this.host,
        { ...this.#sharer(seat), access, why, model, state, memorySize },
        { timeoutMs: CALL_MS },
      );
    };
    await this.#persist(ask, () => wish() !== undefined).catch(thrown => this.#complain(seat, thrown));
  }

  /** The guest's thread stands still until it hears a verdict: what the DMM refuses to judge ends the guest. */
  async #decide(
    seat: Seat,
    sequence: number,
    ask: () => Promise<
      Omit<Extract<Parameters<NonNullable<Seat['end']>['tell']>[0], { kind: 'verdict' }>, 'kind' | 'sequence'>
    >,
  ): Promise<void> {
    try {
      const verdict = await this.#persist(ask, () => seat.end !== undefined);
      if (verdict?.state) seat.state = verdict.state;
      if (verdict) seat.end?.tell({ kind: 'verdict', sequence, ...verdict });
    } catch (thrown) {
      const reason = `the DMM refuses to judge an access: ${V3Error.from(thrown).message}`;
      seat.end?.tell({ kind: 'verdict', sequence, verdict: 'stop', reason });
    }
  }

  /** Until it is answered, or nobody wants to know. */
  async #persist<T>(ask: () => Promise<T>, wanted: () => boolean): Promise<T | undefined> {
    while (!this.#stopped && wanted()) {
      try {
        return await ask();
      } catch (thrown) {
        const { code } = V3Error.from(thrown);
        if (code !== 'SERVICE_UNAVAILABLE' && code !== 'TIMEOUT') throw thrown;
        await new Promise(resolve => setTimeout(resolve, AGAIN_MS).unref());
      }
    }
    return undefined;
  }

  #sharer({ guest: { vmId, epoch }, card: { nic } }: Seat) {
    return { nic, vmId, epoch };
  }

  #complain({ guest, card }: Seat, thrown: unknown): void {
    const error = V3Error.from(thrown).message;
    this.log.warn({ vm: guest.vmId, nic: card.nic, error }, 'the DMM refuses a wish for a card');
  }
}
