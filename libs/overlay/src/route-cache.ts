import type { Route, RouteKey } from '@v3vee/contracts';
import { MacMap, parseMac } from '@v3vee/wire';

export interface CachedRoute {
  readonly hosts: readonly string[];
}

/**
 * Routes that the router told this host, so that the frames of a known flow go straight to their host. An
 * entry without hosts is knowledge too: nobody has that address.
 *
 * Bounded by two generations: when the young one is full it becomes the old one, and what the old one held
 * and nobody asked for since is forgotten. A guest that sends to random addresses can't push out the flows in use.
 */
export class RouteCache {
  private young = new MacMap<CachedRoute>();
  private old = new MacMap<CachedRoute>();

  /** @param limit entries of one generation */
  constructor(private readonly limit = 4096) {}

  /** @param bytes what holds the destination address at `offset` */
  get(vni: number, bytes: Uint8Array, offset: number): CachedRoute | undefined {
    const recent = this.young.get(vni, bytes, offset);
    if (recent || this.old.size === 0) return recent;
    const found = this.old.get(vni, bytes, offset);
    if (found) this.insert(vni, bytes, offset, found);
    return found;
  }

  put({ vni, mac, hosts }: Route): void {
    this.insert(vni, parseMac(mac), 0, { hosts });
  }

  drop({ vni, mac }: RouteKey): void {
    const bytes = parseMac(mac);
    this.young.delete(vni, bytes);
    this.old.delete(vni, bytes);
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** What is cached; a key that is in both generations comes twice. */
  *keys(): Generator<RouteKey> {
    for (const generation of [this.young, this.old]) {
      for (const { vni, mac } of generation.entries()) yield { vni, mac };
    }
  }

  private insert(vni: number, bytes: Uint8Array, offset: number, route: CachedRoute): void {
    if (this.young.size >= this.limit) {
      this.old = this.young;
      this.young = new MacMap();
    }
    this.young.set(vni, bytes, offset, route);
  }
}
