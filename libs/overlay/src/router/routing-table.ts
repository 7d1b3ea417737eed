import type { Attachment, Route, RouteKey } from '@v3vee/contracts';
import { BROADCAST_MAC, formatMac, MacMap, parseMac } from '@v3vee/wire';

/**
 * Which hosts get a frame for the address at `offset` of `bytes`: all that `unicast` says this core needs of a
 * routing policy. VNET/P's full table (source and destination qualifiers, priorities) is another one.
 */
export interface RouteLookup {
  unicast(vni: number, bytes: Uint8Array, offset: number): readonly string[];
  /** Hosts for a group frame. */
  group(vni: number): readonly string[];
}

/** One host's statement that it has this NIC. */
interface Claim extends Attachment {
  readonly host: string;
  /** Order in which claims were first made. */
  readonly order: number;
}
interface Entry {
  readonly claims: Claim[];
  holder: Claim;
  hosts: readonly string[];
}

const NOWHERE: readonly string[] = [];

/**
 * The routing authority's table, made of what the hosts announce. Where several hosts claim an address,
 * exactly one holds it ("in doubt none running, never two"):
 * - the same VM: the highest epoch, since the epoch grows with each change of the owner; at equal epochs the
 *   first claim, so that two hosts can't take it from each other for ever;
 * - different VMs: the latest claim, since a definition's address is unique and the older VM's must be gone.
 *
 * A claim stands until its host announces a list without it.
 */
export class RoutingTable implements RouteLookup {
  private readonly entries = new MacMap<Entry>();
  private readonly byHost = new Map<string, Map<string, Claim>>();
  /** Per network: how many addresses each host holds. */
  private readonly members = new Map<number, Map<string, number>>();
  private claimsMade = 0;
  private claims = 0;

  /**
   * Replaces what a host has attached.
   * @returns the routes that this changes, group routes included: caches must drop them
   */
  attach(host: string, nics: readonly Attachment[]): RouteKey[] {
    const before = this.byHost.get(host) ?? new Map<string, Claim>();
    const after = new Map<string, Claim>();
    for (const nic of nics) {
      const key = `${nic.vni} ${nic.mac}`;
      const old = before.get(key);
      if (old && old.vmId === nic.vmId && old.epoch === nic.epoch) after.set(key, old);
      else after.set(key, { ...nic, host, order: this.claimsMade++ });
    }
    const changed: RouteKey[] = [];
    const networks = new Set<number>();
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [old, claim] = [before.get(key), after.get(key)];
      if (old !== claim) this.replace(old, claim, changed, networks);
    }
    if (after.size > 0) this.byHost.set(host, after);
    else this.byHost.delete(host);
    return [...changed, ...[...networks].map(vni => ({ vni, mac: BROADCAST_MAC }))];
  }

  unicast(vni: number, bytes: Uint8Array, offset: number): readonly string[] {
    return this.entries.get(vni, bytes, offset)?.hosts ?? NOWHERE;
  }

  group(vni: number): readonly string[] {
    return [...(this.members.get(vni)?.keys() ?? NOWHERE)];
  }

  /** All routes, group routes under the broadcast address. */
  routes(): Route[] {
    const unicast = [...this.entries.entries()].map(({ vni, mac, value }) => ({
      vni,
      mac,
      hosts: [...value.hosts],
    }));
    const group = [...this.members.keys()].map(vni => ({
      vni,
      mac: BROADCAST_MAC,
      hosts: [...this.group(vni)],
    }));
    return [...unicast, ...group].sort((a, b) => a.vni - b.vni || (a.mac < b.mac ? -1 : 1));
  }

  /** Addresses that a host holds. */
  get attached(): number {
    return this.entries.size;
  }

  /** Claims that stand back behind a better one. */
  get stale(): number {
    return this.claims - this.entries.size;
  }

  /** Puts one claim in place of another, and notes the address or the network whose hosts thereby change. */
  private replace(
    old: Claim | undefined,
    claim: Claim | undefined,
    changed: RouteKey[],
    networks: Set<number>,
  ): void {
    const { vni, mac } = (claim ?? old) as Claim;
    const address = parseMac(mac);
    const entry = this.entries.get(vni, address);
    const before = entry?.holder.host;
    const claims = (entry?.claims ?? []).filter(other => other !== old);
    if (claim) claims.push(claim);
    this.claims += claims.length - (entry?.claims.length ?? 0);
    const holder = elect(claims);
    if (holder) this.entries.set(vni, address, 0, { claims, holder, hosts: [holder.host] });
    else this.entries.delete(vni, address);
    if (before === holder?.host) return;
    changed.push({ vni, mac: formatMac(address) });
    const joined = this.count(vni, holder?.host, +1);
    const left = this.count(vni, before, -1);
    if (joined || left) networks.add(vni);
  }

  /** Answers whether the host thereby joined or left the network. */
  private count(vni: number, host: string | undefined, by: 1 | -1): boolean {
    if (host === undefined) return false;
    const members = this.members.get(vni) ?? new Map<string, number>();
    const held = (members.get(host) ?? 0) + by;
    if (held > 0) members.set(host, held);
    else members.delete(host);
    if (members.size > 0) this.members.set(vni, members);
    else this.members.delete(vni);
    return held === 0 || (held === 1 && by === 1);
  }
}

function elect(claims: readonly Claim[]): Claim | undefined {
  const bestOfVm = new Map<string, Claim>();
  for (const claim of claims) {
    const best = bestOfVm.get(claim.vmId);
    const better =
      !best || claim.epoch > best.epoch || (claim.epoch === best.epoch && claim.order < best.order);
    if (better) bestOfVm.set(claim.vmId, claim);
  }
  let holder: Claim | undefined;
  for (const claim of bestOfVm.values()) if (!holder || claim.order > holder.order) holder = claim;
  return holder;
}
