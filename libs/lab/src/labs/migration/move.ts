import type { MigrationRound } from '@v3vee/contracts';
import type { Load } from './loads';
import { BEGIN_PINGS, END_PINGS, seenBy, type Pings } from './pings';

/** One move, from both sides, on whatever engine. */
export interface Move {
  /** Downtime as the hosts tell it, ms. */
  hostMs: number;
  /** From the beginning to the end, ms. */
  totalMs: number;
  sentMiB: number;
  /** Memory that the guest uses, MiB. */
  usedMiB: number;
  /** What a peer saw that pinged it, and whether its connection broke. */
  seen: Pings;
  broken: boolean;
  /** None where the other engine does not tell them. */
  rounds: readonly MigrationRound[];
  /** Found in the end, when it stood still. */
  lastPages: number;
}

/** A guest that moves and a peer that stays. */
export interface Pair {
  address: string;
  /** Run a command; answer what it printed. @throws Error when it fails */
  guest(command: string): Promise<string>;
  peer(command: string): Promise<string>;
  /**
   * Looks at the wire between them, where that can be done: a peer's own clock may be wrong.
   * @returns ends it; the longest time without an answer, ms
   */
  watch?(): () => number;
  /** Moves the guest once; it may be asked afterwards as before. */
  move(): Promise<Omit<Move, 'usedMiB' | 'seen' | 'broken'>>;
}

/** Traffic and load are under way when the move begins, and go on after it. */
const LEAD_MS = 700;
const TAIL_MS = 300;

/** Moves a guest once while its peer looks; the load is under way. */
export async function observe(
  pair: Pair,
  { traffic }: Load,
  delay: (ms: number) => Promise<void>,
): Promise<Move> {
  const usedMiB = memoryUsed(await pair.guest('cat /proc/meminfo'));
  if (traffic) await pair.peer(inBackground(traffic.replace('TARGET', pair.address)));
  await pair.peer(BEGIN_PINGS(pair.address));
  await delay(LEAD_MS);
  const gap = pair.watch?.();
  const moved = await pair.move();
  await delay(TAIL_MS);
  const gapMs = gap?.();
  const seen = { ...seenBy(await pair.peer(END_PINGS)), ...(gapMs !== undefined && { gapMs }) };
  const broken = traffic !== undefined && (await pair.peer(OUTCOME)).trim() !== '0';
  return { ...moved, usedMiB, seen, broken };
}

/** Its exit code is kept; it outlives the shell that began it. */
const inBackground = (command: string): string =>
  `rm -f /tmp/outcome; (sh -c '${command}; echo $? >/tmp/outcome' >/dev/null 2>&1 </dev/null &)`;
const OUTCOME = 'until [ -s /tmp/outcome ]; do usleep 50000; done; cat /tmp/outcome';

/** @param text of /proc/meminfo */
export function memoryUsed(text: string): number {
  const kiB = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]);
  const used = (kiB('MemTotal') - kiB('MemFree')) / 1024;
  if (Number.isNaN(used)) throw new Error(`/proc/meminfo says: ${text.slice(0, 400)}`);
  return used;
}
