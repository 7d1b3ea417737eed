/** A bounded queue in order of arrival that several parties share: when it is full, the oldest of who has most gives way. */
export class FairQueue<T> {
  private entries: { readonly party: string; readonly item: T; readonly bytes: number }[] = [];
  private readonly shares = new Map<string, { items: number; bytes: number }>();
  private bytes = 0;

  constructor(
    private readonly limits: { readonly items: number; readonly bytes: number },
    private readonly onOverflow: (item: T) => void,
  ) {}

  get size(): number {
    return this.entries.length;
  }

  add(party: string, item: T, bytes: number): void {
    this.entries.push({ party, item, bytes });
    this.account(party, 1, bytes);
    while (this.entries.length > this.limits.items) this.evict('items');
    while (this.bytes > this.limits.bytes) this.evict('bytes');
  }

  /** Takes out, in order, what `done` answers true for. */
  release(done: (item: T) => boolean): void {
    this.entries = this.entries.filter(({ party, item, bytes }) => {
      if (!done(item)) return true;
      this.account(party, -1, -bytes);
      return false;
    });
  }

  private evict(by: 'items' | 'bytes'): void {
    let [largest, most] = ['', -1];
    for (const [party, share] of this.shares) if (share[by] > most) [largest, most] = [party, share[by]];
    const at = this.entries.findIndex(({ party }) => party === largest);
    const [oldest] = this.entries.splice(at, 1);
    if (!oldest) return;
    this.account(oldest.party, -1, -oldest.bytes);
    this.onOverflow(oldest.item);
  }

  private account(party: string, items: number, bytes: number): void {
    const share = this.shares.get(party) ?? { items: 0, bytes: 0 };
    share.items += items;
    share.bytes += bytes;
    this.bytes += bytes;
    if (share.items > 0) this.shares.set(party, share);
    else this.shares.delete(party);
  }
}
