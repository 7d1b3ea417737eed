/** Chains of layers, each from the top downwards. */
export interface Chains {
  /** Whose tops are written. */
  disks: string[][];
  snapshots: string[][];
  /** Whose layers stay as they are. */
  pinned: string[][];
}

/**
 * Two layers that are never had without each other, the one right above the other: they can be one. None of them is
 * written, and nothing begins with the lower one.
 */
export function mergeable({
  disks,
  snapshots,
  pinned,
}: Chains): { upper: string; lower: string } | undefined {
  const stay = new Set(pinned.flat());
  const begins = new Set(snapshots.map(([first]) => first));
  // What is right below a top may still be written, until the snapshot for which it was frozen is there.
  const written = new Set(disks.flatMap(([top, second]) => (begins.has(second) ? [top] : [top, second])));
  /** Of each layer: what is right above it and right below it, in all chains. */
  const above = new Map<string, Set<string | undefined>>();
  const below = new Map<string, Set<string | undefined>>();
  const note = (of: typeof above, layer: string, other: string | undefined) =>
    void of.set(layer, (of.get(layer) ?? new Set()).add(other));
  for (const chain of [...disks, ...snapshots]) {
    chain.forEach((layer, index) => {
      note(above, layer, chain[index - 1]);
      note(below, layer, chain[index + 1]);
    });
  }
  for (const [lower, uppers] of above) {
    const [upper] = uppers;
    if (uppers.size !== 1 || upper === undefined || stay.has(lower) || stay.has(upper) || written.has(upper))
      continue;
    if (below.get(upper)!.size === 1) return { upper, lower };
  }
  return undefined;
}
