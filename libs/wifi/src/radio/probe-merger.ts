import { elementIds, readProbeRequest, type Ieee80211Frame } from '@v3vee/wire';

/** Which probe requests went where lately. */
export class ProbeMerger {
  readonly #asked = new Map<number, Map<string, number>>();
  merged = 0;

  /** When the same question was asked on the channel, if that was not longer ago than so many ms. */
  lately(freq: number, question: string, now: number, mergeMs: number): number | undefined {
    const asked = this.#asked.get(freq)?.get(question);
    return asked !== undefined && now - asked <= mergeMs ? asked : undefined;
  }

  ask(freq: number, question: string, now: number, mergeMs: number): void {
    const asked = this.#asked.get(freq) ?? new Map<string, number>();
    this.#asked.set(freq, asked);
    for (const [other, at] of asked) if (now - at > mergeMs) asked.delete(other);
    asked.set(question, now);
  }

  /** It was not asked after all. */
  forget(freq: number, question: string): void {
    this.#asked.get(freq)?.delete(question);
  }
}

/** The SSID that a probe request asks for in hexadecimal; empty: any. */
export function questionOf(frame: Ieee80211Frame): string {
  try {
    return Buffer.from(readProbeRequest(frame.body).get(elementIds.SSID) ?? []).toString('hex');
  } catch {
    // Malformed ones go out as they are.
    return `? ${Buffer.from(frame.body.subarray(0, 64)).toString('hex')}`;
  }
}
