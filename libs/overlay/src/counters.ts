/** Why a frame went nowhere. */
export const dropReasons = [
  /** Its headers are cut short, out of range or of an unknown kind. */
  'malformed',
  /** The router knows of nobody with this address. */
  'no-route',
  /** It came for an address that is not (or no longer) on this host. */
  'no-port',
  /** It came from a port that is not (or no longer) attached. */
  'detached',
  /** It is addressed to its own sender. */
  'hairpin',
  /** The port's receiver threw. */
  'port-failed',
  /** There is no connection to the other hosts. */
  'link-down',
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
