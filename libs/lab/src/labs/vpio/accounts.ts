import type { DmmDevice, RegisterAccount } from '@v3vee/contracts';

/** Accesses of all guests of a card, by what they needed of the VMM. */
export interface AccessCounts {
  open: number;
  shadow: number;
  exit: number;
}

/** What a card's host counted between two readings. */
export interface Passed {
  accesses: AccessCounts;
  /** How long each VM had the card, ms. */
  heldMs: Readonly<Record<string, number>>;
  switches: number;
  forced: number;
  dropped: number;
}

/**
 * @throws Error where a reading is missing (the host did not answer), or counters went back: what happened in between is
 *   not known then
 */
export function passed(before: DmmDevice, after: DmmDevice): Passed {
  const [from, to] = [accountOf(before), accountOf(after)];
  const grown = (first: number, last: number): number => {
    if (last >= first) return last - first;
    throw new Error(`the account of ${after.name} began anew while it was measured`);
  };
  const [first, last] = [total(from.registers), total(to.registers)];
  return {
    accesses: {
      open: grown(first.open, last.open),
      shadow: grown(first.shadow, last.shadow),
      exit: grown(first.exit, last.exit),
    },
    heldMs: Object.fromEntries(
      after.guests.map(({ vm, heldMs }) => [
        vm,
        grown(before.guests.find(guest => guest.vm === vm)?.heldMs ?? 0, heldMs),
      ]),
    ),
    switches: grown(from.switches.count, to.switches.count),
    forced: grown(from.forced, to.forced),
    dropped: grown(from.frames.dropped, to.frames.dropped),
  };
}

export function accountOf({ name, account, reason }: DmmDevice): NonNullable<DmmDevice['account']> {
  if (!account) throw new Error(`there is no account of ${name}: ${reason}`);
  return account;
}

const total = (rows: readonly RegisterAccount[]): AccessCounts =>
  rows.reduce(
    (sum, { open, shadow, exit }) => ({
      open: sum.open + open,
      shadow: sum.shadow + shadow,
      exit: sum.exit + exit,
    }),
    { open: 0, shadow: 0, exit: 0 },
  );

/**
 * N of "1 in N accesses needed the VMM": a greater one is better. Where none did, it is the number of accesses: what is
 * known is that it is no less.
 * @throws RangeError where there was no access at all
 */
export function accessesPer(counts: AccessCounts, kinds: readonly ('shadow' | 'exit')[]): number {
  const all = counts.open + counts.shadow + counts.exit;
  if (all === 0) throw new RangeError('the card was not accessed: there is no share');
  return (
    all /
    Math.max(
      kinds.reduce((sum, kind) => sum + counts[kind], 0),
      1,
    )
  );
}

/** How far two are off equal shares, in percent of such a share: 0 is fair, 100 is all for one. @throws RangeError where nobody got any */
export function offEqual(a: number, b: number): number {
  if (!(a + b > 0)) throw new RangeError('nobody got anything: there are no shares');
  return (100 * Math.abs(a - b)) / (a + b);
}
