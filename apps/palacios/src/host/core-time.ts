import type { Bus, Stoppable } from '@v3vee/bus';
import { coreGrants, coreReports, TAKEN_MS, type CoreGrants } from '@v3vee/contracts';
import { CoreWord, type Guest } from '@v3vee/machine';
import { taskOf } from './kitten-resources';

const REPORT_MS = 1_000;

export interface CoreTimeOptions {
  bus: Bus;
  host: string;
  incarnation: string;
}

/** What runs with a VM's word. */
export type Runner = Pick<Guest, 'coreChanged' | 'onCore'>;

/** A VM as a task of the host's Kitten. */
interface Seat {
  word: CoreWord;
  /** One, or two while a machine takes the place of another one. */
  guests: Set<Runner>;
}

/**
 * Gates this host's guests as Kitten says, which has the cores: a guest without its core stands still. What they do
 * and what time they used is told to Kitten.
 */
export class CoreTime {
  readonly #seats = new Map<string, Seat>();
  readonly #parts: Stoppable[] = [];
  #heard: CoreGrants | undefined;
  #seq = 0;
  #due = false;

  constructor(private readonly options: CoreTimeOptions) {}

  start(): void {
    const { bus, host } = this.options;
    const timer = setInterval(() => this.#report(), REPORT_MS);
    this.#parts.push(
      { stop: () => clearInterval(timer) },
      bus.onReconnect(() => this.#report()),
      bus.listen(coreGrants, host, grants => this.#take(grants)),
    );
  }

  stop(): void {
    for (const part of this.#parts) part.stop();
  }

  /** Of all the VM's guests. */
  word(vmId: string): CoreWord {
    return this.#seat(vmId).word;
  }

  /** A guest with the VM's word. @returns what ends that */
  enter(vmId: string, guest: Runner): () => void {
    const { guests, word } = this.#seat(vmId);
    const deaf = guest.onCore(() => this.#reportSoon());
    guests.add(guest);
    return () => {
      deaf();
      guests.delete(guest);
      // Its thread may have been ended in the middle of something; another one says itself what it does.
      if (guests.size === 0 && word.enter('STOPPED')) this.#reportSoon();
    };
  }

  /** The VM has no core here any more. */
  forget(vmId: string): void {
    this.#seats.delete(taskOf(vmId));
  }

  #seat(vmId: string): Seat {
    const task = taskOf(vmId);
    const present = this.#seats.get(task);
    if (present) return present;
    const seat: Seat = { word: new CoreWord(), guests: new Set() };
    this.#seats.set(task, seat);
    this.#apply(task, seat);
    return seat;
  }

  #take(grants: CoreGrants): void {
    if (this.#heard?.incarnation === grants.incarnation && grants.seq <= this.#heard.seq) return;
    this.#heard = grants;
    for (const [task, seat] of this.#seats) this.#apply(task, seat);
  }

  /** What was heard last. */
  #apply(task: string, { word, guests }: Seat): void {
    const said = this.#heard?.tasks.find(each => each.task === task);
    const had = word.heldMs === 0;
    if (said && !word.isShared) this.#reportSoon();
    word.isShared = said !== undefined;
    if (said?.granted !== false) word.grant();
    else return word.take(TAKEN_MS);
    if (!had) for (const guest of guests) guest.coreChanged();
  }

  /** What changes in one go is told at once. */
  #reportSoon(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      this.#report();
    });
  }

  #report(): void {
    const { bus, host, incarnation } = this.options;
    if (this.#seats.size === 0) return;
    const tasks = [...this.#seats].map(([task, { word }]) => ({
      task,
      state: word.state,
      usedMs: word.usedMs,
    }));
    bus.announce(coreReports, host, { incarnation, seq: ++this.#seq, tasks });
  }
}
