import { AIRTIME_WINDOW_MS, type AirtimeUse } from '@v3vee/contracts';

const SAMPLE_MS = 1_000;
const SAMPLES = AIRTIME_WINDOW_MS / SAMPLE_MS;

/** What each account took of the medium lately; the totals are read once a second. */
export class AirtimeShares {
  /** Oldest first. */
  private readonly samples: { at: number; totals: ReadonlyMap<string, number> }[] = [];

  constructor(
    private readonly totals: () => ReadonlyMap<string, number>,
    private readonly now: () => number,
  ) {}

  /** @returns how to stop it */
  start(): () => void {
    this.sample();
    const timer = setInterval(() => this.sample(), SAMPLE_MS).unref();
    return () => clearInterval(timer);
  }

  sample(): void {
    this.samples.push({ at: this.now(), totals: this.totals() });
    if (this.samples.length > SAMPLES + 1) this.samples.shift();
  }

  /** @param airtimeUs of the account, in all, now */
  use(account: string, airtimeUs: number): AirtimeUse {
    const [oldest] = this.samples;
    const passed = oldest ? (this.now() - oldest.at) * 1_000 : 0;
    // An account that is younger than the window had nothing at its beginning.
    const before = oldest?.totals.get(account) ?? 0;
    const share = passed > 0 ? (airtimeUs - before) / passed : 0;
    return { airtimeUs, share: Math.min(1, Math.max(0, share)) };
  }
}
