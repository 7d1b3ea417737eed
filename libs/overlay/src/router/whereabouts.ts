import type { Attachment, EdgeAttachment, VnetPlace } from '@v3vee/contracts';
import { MacMap, parseMac } from '@v3vee/wire';

/** A place and the host that it is on. */
export interface Located {
  readonly host: string;
  readonly place: VnetPlace;
}

/** One host's statement that it has this NIC. */
interface Claim extends Attachment {
  readonly host: string;
  /** Order in which claims were first made. */
  readonly order: number;
}
interface Entry {
  readonly claims: readonly Claim[];
  readonly holder: Claim;
  readonly located: Located;
}
interface Network {
  /** The NICs that somebody holds. */
  readonly nics: Map<string, Located>;
  readonly edges: Map<number, Located>;
  /** Claims of each host, stale ones too. */
  readonly claims: Map<string, number>;
}
interface Announced {
  readonly nics: Map<string, Claim>;
  readonly edges: readonly EdgeAttachment[];
}

/** What a list of a host changes: caches must drop it. */
export interface Changes {
  /** Addresses of NICs that are elsewhere now, or nowhere, or were. */
  readonly nics: { vni: number; mac: string }[];
  /** Addresses that are behind another link now, or behind none. */
  readonly learned: { vni: number; mac: string }[];
  /** Networks whose links changed. */
  readonly networks: Set<number>;
}

/**
 * Who is where, made of what the hosts announce. Where several hosts claim an address, exactly one holds it
 * ("in doubt none running, never two"):
 * - the same VM: the highest epoch, since the epoch grows with each change of the owner; at equal epochs the
 *   first claim, so that two hosts can't take it from each other for ever;
 * - different VMs: the latest claim, since a definition's address is unique and the older VM's must be gone.
 *
 * A claim stands until its host announces a list without it. Addresses seen behind a link count only where no
 * NIC has them: a peer can't steal a guest's.
 */
export class Whereabouts {
  private readonly entries = new MacMap<Entry>();
  private readonly learned = new MacMap<Located>();
  private readonly byHost = new Map<string, Announced>();
  private readonly networks = new Map<number, Network>();
  private claimsMade = 0;
  private claims = 0;

  /** Replaces what a host has attached. */
  attach(host: string, nics: readonly Attachment[], edges: readonly EdgeAttachment[]): Changes {
    const changes: Changes = { nics: [], learned: [], networks: new Set() };
    const before = this.byHost.get(host) ?? { nics: new Map<string, Claim>(), edges: [] };
    const after = new Map<string, Claim>();
    for (const nic of nics) {
      const key = `${nic.vni} ${nic.mac}`;
      const old = before.nics.get(key);
      if (old && old.vmId === nic.vmId && old.epoch === nic.epoch) after.set(key, old);
      else after.set(key, { ...nic, host, order: this.claimsMade++ });
    }
    for (const key of new Set([...before.nics.keys(), ...after.keys()])) {
      const [old, claim] = [before.nics.get(key), after.get(key)];
      if (old !== claim) this.replace(old, claim, changes);
    }
    if (after.size > 0 || edges.length > 0) this.byHost.set(host, { nics: after, edges });
    else this.byHost.delete(host);
    if (String(before.edges.map(say)) !== String(edges.map(say))) {
      this.attachEdges(host, before.edges, edges, changes);
    }
    for (const vni of this.networks.keys()) this.tidy(vni);
    return changes;
  }

  /** The NIC with the address at `offset`; else the link behind which that was seen. */
  holder(vni: number, bytes: Uint8Array, offset: number): Located | undefined {
    return this.entries.get(vni, bytes, offset)?.located ?? this.learned.get(vni, bytes, offset);
  }

  find(vni: number, place: VnetPlace): Located | undefined {
    if (place.type === 'edge') return this.networks.get(vni)?.edges.get(place.link);
    return this.networks.get(vni)?.nics.get(place.mac);
  }

  nics(vni: number): Iterable<Located> {
    return this.networks.get(vni)?.nics.values() ?? [];
  }

  edges(vni: number): Iterable<Located> {
    return this.networks.get(vni)?.edges.values() ?? [];
  }

  hasEdges(vni: number): boolean {
    return (this.networks.get(vni)?.edges.size ?? 0) > 0;
  }

  /** How many NICs of a network a host says it has. */
  claimed(vni: number, host: string): number {
    return this.networks.get(vni)?.claims.get(host) ?? 0;
  }

  /** Every NIC and learned address with its place. */
  *all(): Generator<{ vni: number; mac: string } & Located> {
    for (const { vni, mac, value } of this.entries.entries()) yield { vni, mac, ...value.located };
    for (const { vni, mac, value } of this.learned.entries()) {
      if (!this.entries.get(vni, parseMac(mac))) yield { vni, mac, ...value };
    }
  }

  /** Addresses that a host holds. */
  get attached(): number {
    return this.entries.size;
  }

  /** Claims that stand back behind a better one. */
  get stale(): number {
    return this.claims - this.entries.size;
  }

  /** Puts one claim in place of another. */
  private replace(old: Claim | undefined, claim: Claim | undefined, changes: Changes): void {
    const { vni, mac } = (claim ?? old) as Claim;
    const network = this.network(vni);
    const address = parseMac(mac);
    const entry = this.entries.get(vni, address);
    const claims = (entry?.claims ?? []).filter(other => other !== old);
    if (claim) claims.push(claim);
    this.claims += claims.length - (entry?.claims.length ?? 0);
    if (old) count(network.claims, old.host, -1);
    if (claim) count(network.claims, claim.host, +1);
    const holder = elect(claims);
    if (!holder) {
      this.entries.delete(vni, address);
      network.nics.delete(mac);
    } else {
      const located = { host: holder.host, place: { type: 'interface' as const, mac } };
      this.entries.set(vni, address, 0, { claims, holder, located });
      network.nics.set(mac, located);
    }
    if (entry?.holder.host !== holder?.host) changes.nics.push({ vni, mac });
  }

  private attachEdges(
    host: string,
    before: readonly EdgeAttachment[],
    after: readonly EdgeAttachment[],
    changes: Changes,
  ): void {
    for (const { vni, link } of before) {
      if (after.some(edge => edge.vni === vni && edge.link === link)) continue;
      this.network(vni).edges.delete(link);
      changes.networks.add(vni);
    }
    for (const { vni, link } of after) {
      const { edges } = this.network(vni);
      if (edges.get(link)?.host === host) continue;
      edges.set(link, { host, place: { type: 'edge', link } });
      changes.networks.add(vni);
    }
    const old = [...this.learned.entries()];
    this.learned.clear();
    for (const { edges } of this.byHost.values()) {
      for (const { vni, link, learned } of edges) {
        const located = this.network(vni).edges.get(link);
        for (const mac of learned) if (located) this.learned.set(vni, parseMac(mac), 0, located);
      }
    }
    for (const { vni, mac, value } of old) {
      if (this.learned.get(vni, parseMac(mac)) !== value) changes.learned.push({ vni, mac });
    }
    const known = new Set(old.map(({ vni, mac }) => `${vni} ${mac}`));
    for (const { vni, mac } of this.learned.entries()) {
      if (!known.has(`${vni} ${mac}`)) changes.learned.push({ vni, mac });
    }
  }

  private network(vni: number): Network {
    let network = this.networks.get(vni);
    if (!network) {
      network = { nics: new Map(), edges: new Map(), claims: new Map() };
      this.networks.set(vni, network);
    }
    return network;
  }

  private tidy(vni: number): void {
    const { edges, claims } = this.network(vni);
    if (edges.size + claims.size === 0) this.networks.delete(vni);
  }
}

const say = ({ vni, link, learned }: EdgeAttachment): string => `${vni} ${link} ${learned.join()};`;

function count(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
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
