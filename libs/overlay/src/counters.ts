/** Why a frame went nowhere. */
export const dropReasons = [
  /** Its headers are cut short, out of range or of an unknown kind. */
  'malformed',
  /** No route leads anywhere: nobody has this address. */
  'no-route',
  /** It came by a link, and leads to no guest: it stays on its side of the link. */
  'filtered',
  /** It came by a link a second time: the links form a ring. */
  'loop',
  /** It came for a place that is not (or no longer) on this host. */
  'no-port',
  /** It came from a port that is not (or no longer) attached. */
  'detached',
  /** It is addressed to its own sender. */
  'hairpin',
  /** The port's receiver threw. */
  'port-failed',
  /** There is no connection to the other hosts. */
  'link-down',
  /** It had no route and the router was away for so long that later ones took its place. */
  'queue-full',
  /** It was on its way to the router when that went away. */
  'router-lost',
] as const;
export type DropReason = (typeof dropReasons)[number];

/** Counts frames, as VNET/P's core does: `rx` on entry, from a port or another host, `tx` at each successful delivery. */
export class CoreCounters {
  rx = 0;
  rxBytes = 0;
  tx = 0;
  txBytes = 0;
  /** Frames whose route was in the cache. */
  hits = 0;
  /** Frames that went to the router because it was not. */
  misses = 0;
  readonly dropped = Object.fromEntries(dropReasons.map(reason => [reason, 0])) as Record<DropReason, number>;
}

/** Frames and bytes (with virtio headers) of one port: `rx` is what it sent into the overlay, `tx` what it got. */
export class PortCounters {
  rx = 0;
  rxBytes = 0;
  tx = 0;
  txBytes = 0;
}

/** Numbers under one name each, drops as `dropped.REASON`. */
export function flattened<C extends { dropped: Record<string, number> }>(
  counters: C,
): Record<string, number> {
  const { dropped, ...rest } = counters;
  const drops = Object.entries(dropped).map(([reason, count]) => [`dropped.${reason}`, count]);
  return { ...(rest as unknown as Record<string, number>), ...Object.fromEntries(drops) };
}
