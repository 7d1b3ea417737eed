/** What a peer saw of a move that pinged the guest every 10 ms. */
export interface Pings {
  lost: number;
  /** How long there was no answer, ms: an echo request that waited for the guest was answered as much later. */
  gapMs: number;
}

/** Shell commands: pings go on beside whatever else is done, until they are ended and told. */
export const BEGIN_PINGS = (address: string): string =>
  `(ping -i 0.01 ${address} >/tmp/pings 2>&1 </dev/null & echo $! >/tmp/pinging)`;
export const END_PINGS =
  'p=$(cat /tmp/pinging); kill -INT $p; while kill -0 $p 2>/dev/null; do usleep 10000; done; cat /tmp/pings';

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
  // One that was sent at the very end has no answer yet.
  const unanswered = Number(sent[1]) - last;
  return { lost: Math.max(0, Number(sent[1]) - Number(sent[2]) - Math.min(unanswered, 1)), gapMs };
}
