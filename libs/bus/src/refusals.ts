/** How long a subject that goes on being refused is not told again, ms. */
const TELL_AGAIN_MS = 60_000;
/** Of how many subjects it is known when they were told. */
const MAX_TOLD = 1_000;

/** What the server did not let us say or hear: all of it is counted, and of each subject it is told once a minute. */
export class Refusals {
  total = 0;
  private readonly told = new Map<string, number>();

  constructor(private readonly notice: (notice: string, detail: Record<string, unknown>) => void) {}

  add(operation: string, subject: string): void {
    this.total++;
    const key = `${operation} ${subject}`;
    const now = performance.now();
    if (now - (this.told.get(key) ?? -Infinity) < TELL_AGAIN_MS) return;
    if (this.told.size >= MAX_TOLD) this.told.clear();
    this.told.set(key, now);
    this.notice(`NATS refuses us: ${operation} ${subject}`, { operation, subject, refused: this.total });
  }
}
