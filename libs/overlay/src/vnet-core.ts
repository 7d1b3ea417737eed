import type { TaggedFrame } from '@v3vee/bus';
import { V3Error, type Attachment, type Route, type RouteKey } from '@v3vee/contracts';
import {
  BROADCAST_MAC,
  ethernetFields,
  isGroupMac,
  MacMap,
  parseMac,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from '@v3vee/wire';
import { CoreCounters, type DropReason } from './counters';
import type { Port } from './port';
import { RouteCache, type CachedRoute } from './route-cache';

/** Where frames leave this host. Both answer whether the frame could be sent; it must not change until the tick ends. */
export interface FrameSink {
  toHost(host: string, frame: TaggedFrame): boolean;
  toRouter(frame: TaggedFrame): boolean;
}

interface Attached {
  readonly port: Port;
  readonly address: Uint8Array;
}
type Burst = Map<Attached, Uint8Array[]>;

const broadcast = parseMac(BROADCAST_MAC);

/**
 * The forwarding core of one host, embedded in its Palacios (VNET/P's "core in the VMM"). A frame of a guest
 * goes, in this order of preference, to a port on this host, straight to the host that the route cache
 * names, or to the router, which forwards it and answers with the route. A frame from outside goes to local
 * ports only: it is never forwarded again, so no set of routes, however wrong, makes a loop.
 *
 * All forwarding is synchronous; `deliver` is called once for each receiving port before `transmit` or
 * `receive` returns.
 */
export class VnetCore {
  readonly counters = new CoreCounters();
  private readonly ports = new Map<Port, Attached>();
  private readonly byAddress = new MacMap<Attached>();
  private readonly byNetwork = new Map<number, Set<Attached>>();

  constructor(
    private readonly sink: FrameSink,
    readonly cache = new RouteCache(),
  ) {}

  /** @throws V3Error MAC_IN_USE when another port of this host has the same network and address */
  attach(port: Port): void {
    if (this.ports.has(port)) return;
    const attached = { port, address: parseMac(port.mac) };
    const other = this.byAddress.get(port.vni, attached.address);
    if (other) {
      throw new V3Error(
        'MAC_IN_USE',
        `MAC ${port.mac} is already attached to network ${port.vni} on this host, by VM ${other.port.vmId}`,
      );
    }
    this.ports.set(port, attached);
    this.byAddress.set(port.vni, attached.address, 0, attached);
    const network = this.byNetwork.get(port.vni);
    if (network) network.add(attached);
    else this.byNetwork.set(port.vni, new Set([attached]));
  }

  /** Answers whether it was attached. */
  detach(port: Port): boolean {
    const attached = this.ports.get(port);
    if (!attached) return false;
    this.ports.delete(port);
    this.byAddress.delete(port.vni, attached.address);
    const network = this.byNetwork.get(port.vni);
    network?.delete(attached);
    if (network?.size === 0) this.byNetwork.delete(port.vni);
    return true;
  }

  /** What the router has to know of this host. */
  attachments(): Attachment[] {
    return [...this.ports.keys()].map(({ vni, mac, vmId, epoch }) => ({ vni, mac, vmId, epoch }));
  }

  /** A burst from the guest behind `port`. */
  transmit(port: Port, frames: readonly Uint8Array[]): void {
    const from = this.ports.get(port);
    const burst: Burst = new Map();
    for (const frame of frames) {
      if (!this.accept(frame)) continue;
      if (!from) this.drop('detached');
      else if (isGroupMac(frame, SUPER_FRAME_ETHERNET)) this.transmitToGroup(from, frame, burst);
      else this.transmitToOne(from, frame, burst);
    }
    this.deliver(burst);
  }

  /** A batch from another host or from the router. */
  receive(batch: readonly TaggedFrame[]): void {
    const burst: Burst = new Map();
    for (const { vni, frame } of batch) {
      if (!this.accept(frame)) continue;
      if (isGroupMac(frame, SUPER_FRAME_ETHERNET)) {
        const network = this.byNetwork.get(vni);
        if (!network) this.drop('no-port');
        else for (const member of network) if (!isFrom(member, frame)) enqueue(burst, member, frame);
      } else {
        const to = this.byAddress.get(vni, frame, SUPER_FRAME_ETHERNET);
        if (to) enqueue(burst, to, frame);
        else this.drop('no-port');
      }
    }
    this.deliver(burst);
  }

  /** The router's answer to a miss. */
  learn(route: Route): void {
    this.cache.put(route);
  }

  /** The router's word that these routes changed. */
  forget(keys: readonly RouteKey[]): void {
    for (const key of keys) this.cache.drop(key);
  }

  private accept(frame: Uint8Array): boolean {
    this.counters.rx++;
    this.counters.rxBytes += frame.length;
    if (superFrameProblem(frame) === undefined) return true;
    this.drop('malformed');
    return false;
  }

  private transmitToOne(from: Attached, frame: Uint8Array, burst: Burst): void {
    const { vni } = from.port;
    const local = this.byAddress.get(vni, frame, SUPER_FRAME_ETHERNET);
    if (local === from) this.drop('hairpin');
    else if (local) enqueue(burst, local, frame);
    else {
      const route = this.cache.get(vni, frame, SUPER_FRAME_ETHERNET);
      if (route?.hosts.length === 0) {
        this.counters.hits++;
        this.drop('no-route');
      } else this.send(route, { vni, frame });
    }
  }

  private transmitToGroup(from: Attached, frame: Uint8Array, burst: Burst): void {
    const { vni } = from.port;
    for (const member of this.byNetwork.get(vni) ?? []) {
      if (member !== from) enqueue(burst, member, frame);
    }
    this.send(this.cache.get(vni, broadcast, 0), { vni, frame });
  }

  private send(route: CachedRoute | undefined, frame: TaggedFrame): void {
    if (route) {
      this.counters.hits++;
      for (const host of route.hosts) this.sent(this.sink.toHost(host, frame), frame);
    } else {
      this.counters.misses++;
      this.sent(this.sink.toRouter(frame), frame);
    }
  }

  private sent(ok: boolean, { frame }: TaggedFrame): void {
    if (!ok) return this.drop('link-down');
    this.counters.tx++;
    this.counters.txBytes += frame.length;
  }

  private deliver(burst: Burst): void {
    for (const [{ port }, frames] of burst) {
      try {
        port.deliver(frames);
      } catch {
        // One guest's broken receiver is its own trouble; its frames are counted as lost.
        this.drop('port-failed', frames.length);
        continue;
      }
      this.counters.tx += frames.length;
      for (const frame of frames) this.counters.txBytes += frame.length;
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
  return address.every((octet, i) => frame[SUPER_FRAME_ETHERNET + ethernetFields.source.start + i] === octet);
}

function enqueue(burst: Burst, to: Attached, frame: Uint8Array): void {
  const frames = burst.get(to);
  if (frames) frames.push(frame);
  else burst.set(to, [frame]);
}
