/** What was done, how often, and what came of it. */
export class Report {
  private readonly counts = new Map<string, Map<string, number>>();
  private readonly settledAfter: number[] = [];

  count(event: string, outcome: string): void {
    const outcomes = this.counts.get(event) ?? new Map<string, number>();
    this.counts.set(event, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1));
  }

  /** @param seconds from the beginning of a round until all was well */
  settled(seconds: number): void {
    this.settledAfter.push(seconds);
  }

  get rounds(): number {
    return this.settledAfter.length;
  }

  /** Seconds. */
  get slowest(): number {
    return Math.max(0, ...this.settledAfter);
  }

  /** A Markdown table. */
  table(): string {
    const rows = [...this.counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([event, outcomes]) => {
        const all = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
        const each = [...outcomes]
          .sort(([, a], [, b]) => b - a)
          .map(([outcome, count]) => `${count} ${outcome}`);
        return `| ${event} | ${all} | ${each.join('; ')} |`;
      });
    return ['| event | times | outcome |', '|---|---|---|', ...rows].join('\n');
  }
}
