import type { BodyOf } from '@v3vee/contracts';

/** What a request takes at most. */
const MOST_KEYS = 32;
const MOST_CHARACTERS = 100;

type Typed = BodyOf<'typeVm'>;

/** Keys in the order in which they were pressed: one request at a time, with all that came meanwhile. */
export class KeySender {
  private readonly waiting: Typed[] = [];
  private isBusy = false;

  /** @param send does not throw */
  constructor(private readonly send: (typed: Typed) => Promise<void>) {}

  press(key: string): void {
    const last = this.waiting.at(-1);
    if (last?.keys && last.keys.length < MOST_KEYS) last.keys.push(key);
    else this.waiting.push({ keys: [key] });
    void this.go();
  }

  type(text: string): void {
    for (let from = 0; from < text.length; from += MOST_CHARACTERS)
      this.waiting.push({ text: text.slice(from, from + MOST_CHARACTERS) });
    void this.go();
  }

  private async go(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    for (let next; (next = this.waiting.shift());) await this.send(next);
    this.isBusy = false;
  }
}
