import type { StaleFlows, Target } from '@v3vee/contracts';
import { formatMac, isGroupMac, parseMac } from '@v3vee/wire';
import { FlowMap, half, whole, type FlowKey } from './flow-map';

/** Where the frames of a flow go. One object serves all flows of a network that go to the same targets. */
export class CachedRoute<P = unknown> {
  /** What the core made of the targets, and the state of its ports for which it did. */
  plan: P | undefined;
  plannedFor = -1;

  constructor(
    readonly vni: number,
    readonly targets: readonly Target[],
  ) {}
}

export interface CachedFlow {
  readonly place: number;
  readonly source: string;
  readonly destination: string;
}

class Generation<P> {
  readonly flows = new FlowMap<CachedRoute<P>>();
  readonly interned = new Map<string, CachedRoute<P>>();
}

/**
 * Routes that the router told this host, so that the frames of a known flow go straight to where they belong.
 * The key is VNET/P's: the place that a frame comes from (a number that this host gave it) and both
 * addresses. A route without targets is knowledge too: nobody gets such frames.
 *
 * Bounded by two generations: when the young one is full it becomes the old one, and what the old one held
 * and nobody asked for since is forgotten. A guest that sends to random addresses can't push out the flows in use.
 */
export class RouteCache<P = unknown> {
  private young = new Generation<P>();
  private old = new Generation<P>();

  /** @param limit flows of one generation */
  constructor(private readonly limit = 16_384) {}

  /** @param bytes what holds the destination address at `offset`, and the source address behind it */
  get(place: number, bytes: Uint8Array, offset: number): CachedRoute<P> | undefined {
    const dh = half(bytes, offset);
    const dl = half(bytes, offset + 3);
    const sh = half(bytes, offset + 6);
    const sl = half(bytes, offset + 9);
    const recent = this.young.flows.get(place, sh, sl, dh, dl);
    if (recent !== undefined || this.old.flows.size === 0) return recent;
    const found = this.old.flows.get(place, sh, sl, dh, dl);
    if (found) this.insert(place, sh, sl, dh, dl, found);
    return found;
  }

  put(place: number, source: string, destination: string, vni: number, targets: readonly Target[]): void {
    const key = `${vni} ${JSON.stringify(targets)}`;
    let route = this.young.interned.get(key) ?? this.old.interned.get(key);
    if (!route) this.young.interned.set(key, (route = new CachedRoute(vni, targets)));
    const [s, d] = [parseMac(source), parseMac(destination)];
    this.insert(place, half(s, 0), half(s, 3), half(d, 0), half(d, 3), route);
  }

  /** Forgets all flows of a network (destination null), or those to one address; a group address means all groups. */
  forget(stale: readonly StaleFlows[]): void {
    const networks = new Set<number>();
    const groups = new Set<number>();
    const addresses = new Map<number, Set<number>>();
    for (const { vni, destination } of stale) {
      if (destination === null) networks.add(vni);
      else {
        const bytes = parseMac(destination);
        if (isGroupMac(bytes)) groups.add(vni);
        else {
          const ofNetwork = addresses.get(vni) ?? new Set();
          addresses.set(vni, ofNetwork.add(whole(half(bytes, 0), half(bytes, 3))));
        }
      }
    }
    const keep = ({ destinationHigh, destinationLow }: FlowKey, { vni }: CachedRoute<P>): boolean =>
      !networks.has(vni) &&
      !(groups.has(vni) && isGroup(destinationHigh)) &&
      !addresses.get(vni)?.has(whole(destinationHigh, destinationLow));
    for (const { flows, interned } of [this.young, this.old]) {
      flows.retain(keep);
      interned.clear();
    }
  }

  clear(): void {
    this.young = new Generation();
    this.old = new Generation();
  }

  /** Flows of both generations; one that is in both counts twice. */
  get size(): number {
    return this.young.flows.size + this.old.flows.size;
  }

  /** What is cached; a flow that is in both generations comes twice. */
  *flows(): Generator<CachedFlow> {
    for (const { flows } of [this.young, this.old]) {
      for (const [key] of flows.entries()) {
        yield {
          place: key.id,
          source: macOf(key.sourceHigh, key.sourceLow),
          destination: macOf(key.destinationHigh, key.destinationLow),
        };
      }
    }
  }

  private insert(place: number, sh: number, sl: number, dh: number, dl: number, route: CachedRoute<P>): void {
    if (this.young.flows.size >= this.limit) {
      this.old = this.young;
      this.young = new Generation();
    }
    this.young.flows.set(place, sh, sl, dh, dl, route);
  }
}

/** The I/G bit of the address whose first half this is. */
const isGroup = (high: number): boolean => (high & 0x010000) !== 0;

function macOf(high: number, low: number): string {
  return formatMac(Uint8Array.of(high >> 16, high >> 8, high, low >> 16, low >> 8, low));
}
