/** What a peer saw of a move that pinged the guest every 10 ms. */
export interface Pings {
  lost: number;
  /** How long there was no answer, ms: an echo request that waited for the guest was answered as much later. */
  gapMs: number;
}

/** @param text of `ping -i 0.01`. @throws Error where it is none */
export function seenBy(text: string): Pings {
  const sent = /(\d+) packets transmitted, (\d+) (?:packets )?received/.exec(text);
  const answers = [...text.matchAll(/seq=(\d+) .*\btime=([\d.]+) ms/g)].map(match => ({
    seq: Number(match[1]),
    ms: Number(match[2]),
  }));
  if (!sent || answers.length === 0) throw new Error(`ping said: ${text.slice(0, 400)}`);
  let gapMs = 0;
  let last = answers[0]!.seq - 1;
  for (const { seq, ms } of answers.sort((a, b) => a.seq - b.seq)) {
    gapMs = Math.max(gapMs, ms + (seq - last - 1) * 10);
    last = seq;
  }
  return { lost: Number(sent[1]) - Number(sent[2]), gapMs };
}
