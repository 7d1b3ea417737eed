interface Party<T> {
  items: T[];
  /** µs that it may still use in this round. */
  deficit: number;
}

/** µs a round. */
const QUANTUM = 2_000;

/**
 * Deficit round robin (Shreedhar & Varghese, SIGCOMM 1995) by airtime: as what a frame takes is known when it is over,
 * a party may begin while it has something left, and then owes the rest (Høiland-Jørgensen et al., "Ending the
 * Anomaly", USENIX ATC 2017). Debts stay when a queue runs empty; nothing is saved up.
 */
export class AirtimeQueue<P, T> {
  /** Parties with items, the first is served. */
  readonly #active = new Map<P, Party<T>>();
  readonly #debts = new Map<P, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(party: P, item: T): void {
    this.#size++;
    const known = this.#active.get(party);
    if (known) return void known.items.push(item);
    this.#active.set(party, { items: [item], deficit: this.#debts.get(party) ?? QUANTUM });
    this.#debts.delete(party);
  }

  next(): T | undefined {
    for (;;) {
      const [first] = this.#active;
      if (!first) return undefined;
      const [party, queue] = first;
      if (queue.deficit > 0) return this.#take(party, queue);
      queue.deficit += QUANTUM;
      this.#active.delete(party);
      this.#active.set(party, queue);
    }
  }

  charge(party: P, airtime: number): void {
    const queue = this.#active.get(party);
    if (queue) queue.deficit -= airtime;
    else this.#debts.set(party, (this.#debts.get(party) ?? QUANTUM) - airtime);
  }

  /** A party's items, in order. */
  of(party: P): readonly T[] {
    return this.#active.get(party)?.items ?? [];
  }

  /** Takes out all of a party. */
  remove(party: P): T[] {
    const items = this.#active.get(party)?.items ?? [];
    this.#active.delete(party);
    this.#debts.delete(party);
    this.#size -= items.length;
    return items;
  }

  #take(party: P, queue: Party<T>): T | undefined {
    this.#size--;
    const item = queue.items.shift();
    if (queue.items.length === 0) {
      this.#active.delete(party);
      this.#debts.set(party, queue.deficit);
    }
    return item;
  }
}
