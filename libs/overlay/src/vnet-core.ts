import type { TaggedFrame } from '@v3vee/bus';
import {
  V3Error,
  type Attachment,
  type CoreStats,
  type EdgeAttachment,
  type Flow,
  type StaleFlows,
  type Target,
  type VnetPlace,
} from '@v3vee/contracts';
import {
  ethernetFields,
  isGroupMac,
  MAC_BYTES,
  MacMap,
  parseMac,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from '@v3vee/wire';
import { CoreCounters, flattened, PortCounters, type DropReason } from './counters';
import type { LoopGuard } from './links/loop-guard';
import { isNic, placeKey, type Port } from './port';
import { RouteCache, type CachedRoute } from './route-cache';

/** Where frames leave this host. Both answer whether the frame could be sent; it must not change until the tick ends. */
export interface FrameSink {
  toHost(host: string, frame: TaggedFrame): boolean;
  /** `frame.place` is where it came from. */
  toRouter(frame: TaggedFrame): boolean;
}

export interface VnetCoreOptions {
  host: string;
  sink: FrameSink;
  /** Flows of one generation of the route cache. */
  cacheLimit?: number;
  /** Needed where links are attached. */
  loopGuard?: Pick<LoopGuard, 'seen'>;
}

interface Attached {
  /** What its flows are cached under; a port that comes again gets another. */
  readonly id: number;
  readonly port: Port;
  readonly isEdge: boolean;
  /** Of a NIC. */
  readonly address: Uint8Array;
  readonly counters: PortCounters;
  /** Of a link: the addresses seen behind it. */
  learned: readonly string[];
}

interface Network {
  readonly interfaces: Map<string, Attached>;
  readonly edges: Map<number, Attached>;
}

/** The targets of a route as this core has them at present. */
interface Plan {
  readonly local: readonly Attached[];
  readonly remote: readonly Target[];
  /** Whether it leads out over a link. */
  readonly toEdge: boolean;
}
type Burst = Map<Attached, Uint8Array[]>;

/**
 * The forwarding core of one host, embedded in its Palacios (VNET/P's "core in the VMM"); the vnet service has one
 * too, for the links. Every frame of a port is looked up in the route cache by where it comes from and both
 * its addresses, frames for a port of the same host too: one policy, one path. A hit goes straight to all its
 * targets; a miss goes to the router, which forwards it, to this host's other ports as well, and answers
 * with the route. A frame from outside goes to local ports only: it is never forwarded again, so no set of
 * routes, however wrong, makes a loop between hosts.
 *
 * All forwarding is synchronous; `deliver` is called once for each receiving port before `transmit` or
 * `receive` returns.
 */
export class VnetCore {
  readonly counters = new CoreCounters();
  readonly cache: RouteCache<Plan>;
  private readonly ports = new Map<Port, Attached>();
  private readonly byId = new Map<number, Attached>();
  private readonly byAddress = new MacMap<Attached>();
  private readonly networks = new Map<number, Network>();
  private readonly host: string;
  private readonly sink: FrameSink;
  private readonly loopGuard: Pick<LoopGuard, 'seen'> | undefined;
  /** Grows with each change of the ports: plans made before are out of date. */
  private version = 0;

  constructor({ host, sink, cacheLimit, loopGuard }: VnetCoreOptions) {
    this.host = host;
    this.sink = sink;
    this.loopGuard = loopGuard;
    this.cache = new RouteCache(cacheLimit);
  }

  /** @throws V3Error MAC_IN_USE, VNET_LINK_EXISTS when another port of this host has the same network and address or link */
  attach(port: Port): void {
    if (this.ports.has(port)) return;
    const other = this.find(port.vni, port.place);
    if (other) throw taken(port, other.port);
    const attached: Attached = {
      id: ++this.version,
      port,
      isEdge: !isNic(port),
      address: isNic(port) ? parseMac(port.place.mac) : new Uint8Array(MAC_BYTES),
      counters: new PortCounters(),
      learned: [],
    };
    this.ports.set(port, attached);
    this.byId.set(attached.id, attached);
    const network = this.networks.get(port.vni) ?? { interfaces: new Map(), edges: new Map() };
    this.networks.set(port.vni, network);
    if (isNic(port)) {
      this.byAddress.set(port.vni, attached.address, 0, attached);
      network.interfaces.set(port.place.mac, attached);
    } else network.edges.set(port.place.link, attached);
  }

  /** Answers whether it was attached. */
  detach(port: Port): boolean {
    const attached = this.ports.get(port);
    if (!attached) return false;
    this.version++;
    this.ports.delete(port);
    this.byId.delete(attached.id);
    const network = this.networks.get(port.vni)!;
    if (isNic(port)) {
      this.byAddress.delete(port.vni, attached.address);
      network.interfaces.delete(port.place.mac);
    } else network.edges.delete(port.place.link);
    if (network.interfaces.size + network.edges.size === 0) this.networks.delete(port.vni);
    return true;
  }

  /** The addresses seen behind a link, all of them; answers whether that is news. */
  setLearned(port: Port, macs: readonly string[]): boolean {
    const attached = this.ports.get(port);
    if (!attached?.isEdge) return false;
    const learned = [...new Set(macs)].sort();
    const news = String(learned) !== String(attached.learned);
    attached.learned = learned;
    return news;
  }

  /** What the router has to know of this host. */
  attachments(): { nics: Attachment[]; edges: EdgeAttachment[] } {
    const nics: Attachment[] = [];
    const edges: EdgeAttachment[] = [];
    for (const { port, learned } of this.ports.values()) {
      const { vni } = port;
      if (isNic(port)) nics.push({ vni, mac: port.place.mac, vmId: port.vmId, epoch: port.epoch });
      else edges.push({ vni, link: port.place.link, learned: [...learned] });
    }
    return { nics, edges };
  }

  /** The flows that are cached, as the router knows them. */
  flows(): Flow[] {
    const flows = new Map<string, Flow>();
    for (const { place, source, destination } of this.cache.flows()) {
      const from = this.byId.get(place)?.port;
      if (!from) continue;
      const flow = { vni: from.vni, from: from.place, source, destination };
      flows.set(`${place} ${source} ${destination}`, flow);
    }
    return [...flows.values()];
  }

  stats(): CoreStats {
    return { host: this.host, cached: this.cache.size, counters: flattened(this.counters) };
  }

  /** What passed a port since it was attached; undefined when it is not. */
  traffic(port: Port): PortCounters | undefined {
    return this.ports.get(port)?.counters;
  }

  /** A burst from what is behind `port`. */
  transmit(port: Port, frames: readonly Uint8Array[]): void {
    const from = this.ports.get(port);
    const burst: Burst = new Map();
    for (const frame of frames) {
      if (!this.accept(frame)) continue;
      if (from) this.transmitOne(from, frame, burst);
      else this.drop('detached');
    }
    this.deliver(burst);
  }

  /** A batch from another host or from the router. */
  receive(batch: readonly TaggedFrame[]): void {
    const burst: Burst = new Map();
    for (const { vni, frame, place } of batch) {
      if (!this.accept(frame)) continue;
      const group = isGroupMac(frame, SUPER_FRAME_ETHERNET);
      if (group && !place) {
        const network = this.networks.get(vni);
        if (!network) this.drop('no-port');
        else
          for (const member of network.interfaces.values())
            if (!isFrom(member, frame)) enqueue(burst, member, frame);
        continue;
      }
      const to = place ? this.find(vni, place) : this.byAddress.get(vni, frame, SUPER_FRAME_ETHERNET);
      if (!to) this.drop('no-port');
      else if (!group || to.isEdge || !isFrom(to, frame)) enqueue(burst, to, frame);
    }
    this.deliver(burst);
  }

  /** The router's answer to a miss. */
  learn({ vni, from, source, destination, targets }: Flow & { targets: readonly Target[] }): void {
    const attached = this.find(vni, from);
    if (!attached) return;
    this.cache.put(attached.id, source, destination, vni, this.named(targets, attached, destination));
  }

  /** The router's word that routes changed. */
  forget(stale: readonly StaleFlows[]): void {
    this.cache.forget(stale);
  }

  private accept(frame: Uint8Array): boolean {
    this.counters.rx++;
    this.counters.rxBytes += frame.length;
    if (superFrameProblem(frame) === undefined) return true;
    this.drop('malformed');
    return false;
  }

  private transmitOne(from: Attached, frame: Uint8Array, burst: Burst): void {
    from.counters.rx++;
    from.counters.rxBytes += frame.length;
    const { vni, place } = from.port;
    // Over parallel links each group frame comes once by each.
    const guarded = from.isEdge && this.isRing(from, frame);
    if (guarded && this.loopGuard?.seen(vni, frame, SUPER_FRAME_ETHERNET)) return this.drop('loop');
    const plan = this.planOf(this.cache.get(from.id, frame, SUPER_FRAME_ETHERNET));
    if (!plan) {
      this.counters.misses++;
      return this.sent(this.sink.toRouter({ vni, frame, place }), frame);
    }
    this.counters.hits++;
    if (plan.local.length + plan.remote.length === 0) return this.drop(whyNobody(from, frame));
    if (from.isEdge && plan.toEdge && !guarded && this.loopGuard?.seen(vni, frame, SUPER_FRAME_ETHERNET))
      return this.drop('loop');
    for (const { host, to } of plan.remote) {
      this.sent(this.sink.toHost(host, to ? { vni, frame, place: to } : { vni, frame }), frame);
    }
    // A receiver's thread takes the frame's buffer away: each has its own.
    plan.local.forEach((to, i) => enqueue(burst, to, i === 0 ? frame : frame.slice()));
  }

  /** Whether a frame that came by a link may come by another too. */
  private isRing({ port }: Attached, frame: Uint8Array): boolean {
    return isGroupMac(frame, SUPER_FRAME_ETHERNET) && this.networks.get(port.vni)!.edges.size > 1;
  }

  private planOf(route: CachedRoute<Plan> | undefined): Plan | undefined {
    if (!route || route.plannedFor === this.version) return route?.plan;
    route.plannedFor = this.version;
    return (route.plan = this.planFor(route));
  }

  /** Undefined when a target of this host is not there (any more): the router knows better. */
  private planFor({ vni, targets }: CachedRoute<Plan>): Plan | undefined {
    const local: Attached[] = [];
    for (const { host, to } of targets) {
      if (host !== this.host) continue;
      const attached = to && this.find(vni, to);
      if (!attached) return undefined;
      local.push(attached);
    }
    const toEdge = targets.some(({ to }) => to?.type === 'edge');
    return { local, remote: targets.filter(({ host }) => host !== this.host), toEdge };
  }

  /** The targets, those of this host by name, since one route serves many flows. */
  private named(targets: readonly Target[], from: Attached, destination: string): Target[] {
    return targets.flatMap(target => {
      if (target.host !== this.host || target.to) return [target];
      const { host } = target;
      if (!isGroupMac(parseMac(destination))) return [{ host, to: { type: 'interface', mac: destination } }];
      const members = [...(this.networks.get(from.port.vni)?.interfaces.values() ?? [])];
      return members.filter(member => member !== from).map(({ port }) => ({ host, to: port.place }));
    });
  }

  private find(vni: number, place: VnetPlace): Attached | undefined {
    const network = this.networks.get(vni);
    return place.type === 'edge' ? network?.edges.get(place.link) : network?.interfaces.get(place.mac);
  }

  private sent(ok: boolean, { length }: Uint8Array): void {
    if (!ok) return this.drop('link-down');
    this.counters.tx++;
    this.counters.txBytes += length;
  }

  private deliver(burst: Burst): void {
    for (const [{ port, counters }, frames] of burst) {
      let bytes = 0;
      for (const frame of frames) bytes += frame.length;
      try {
        port.deliver(frames);
      } catch {
        // One guest's broken receiver is its own trouble; its frames are counted as lost.
        this.drop('port-failed', frames.length);
        continue;
      }
      this.counters.tx += frames.length;
      this.counters.txBytes += bytes;
      counters.tx += frames.length;
      counters.txBytes += bytes;
    }
  }

  private drop(reason: DropReason, frames = 1): void {
    this.counters.dropped[reason] += frames;
  }
}

/**
 * Whether a port sent this frame itself: from another host, before its VM moved here. Its own group frames
 * must not come back, since duplicate address detection would take them for another station's.
 */
function isFrom({ address }: Attached, frame: Uint8Array): boolean {
  return hasAddress(frame, ethernetFields.source.start, address);
}

function whyNobody({ isEdge, address }: Attached, frame: Uint8Array): DropReason {
  if (isEdge) return 'filtered';
  return hasAddress(frame, ethernetFields.destination.start, address) ? 'hairpin' : 'no-route';
}

function hasAddress(frame: Uint8Array, field: number, address: Uint8Array): boolean {
  return address.every((octet, i) => frame[SUPER_FRAME_ETHERNET + field + i] === octet);
}

function taken(port: Port, other: Port): V3Error {
  if (isNic(port) && isNic(other)) {
    return new V3Error(
      'MAC_IN_USE',
      `MAC ${port.place.mac} is already attached to network ${port.vni} on this host, by VM ${other.vmId}`,
    );
  }
  return new V3Error(
    'VNET_LINK_EXISTS',
    `${placeKey(port.place)} is already attached to network ${port.vni}`,
  );
}

function enqueue(burst: Burst, to: Attached, frame: Uint8Array): void {
  const frames = burst.get(to);
  if (frames) frames.push(frame);
  else burst.set(to, [frame]);
}
