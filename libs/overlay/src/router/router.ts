import type { TaggedFrame } from '@v3vee/bus';
import type { Attachment, Route, RouteKey } from '@v3vee/contracts';
import {
  BROADCAST_MAC,
  formatMac,
  isGroupMac,
  parseMac,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from '@v3vee/wire';
import { HeldFrames, type Held } from './held-frames';
import { RoutingTable } from './routing-table';

/** How the router reaches the hosts. What is sent first must arrive first. */
export interface RouterSink {
  toHost(host: string, frame: TaggedFrame): void;
  /** Puts a route into one host's cache. */
  route(host: string, route: Route): void;
  /** Takes routes out of all hosts' caches. */
  invalidate(routes: RouteKey[]): void;
}

export interface RouterOptions {
  /**
   * How long a frame for an unknown address waits for a host to announce that address, ms. For as long
   * after its start the router takes its knowledge for incomplete.
   */
  holdMs?: number;
  maxHeldFrames?: number;
  maxHeldBytes?: number;
  /** A monotonic clock, ms. */
  now?: () => number;
}

/** Why the router dropped a frame. */
export const routerDropReasons = ['malformed', 'no-route', 'queue-full'] as const;
export type RouterDropReason = (typeof routerDropReasons)[number];

export class RouterCounters {
  /** Frames that hosts had no route for. */
  misses = 0;
  /** Frames sent on, counted once for each host. */
  forwarded = 0;
  /** Routes asked for without a frame. */
  queries = 0;
  /** Announcements of attached NICs. */
  announcements = 0;
  readonly dropped = Object.fromEntries(routerDropReasons.map(reason => [reason, 0])) as Record<
    RouterDropReason,
    number
  >;
}

/**
 * The routing authority: forwards the frames that hosts have no route for and tells those hosts the route, so
 * that the rest of the flow goes straight to its host.
 *
 * It keeps nothing over a restart. A new router learns from the hosts who is where, within some milliseconds;
 * until `holdMs` are over a frame for an unknown address waits, and a group frame is kept to be sent to each
 * host that turns up. The same wait covers a NIC whose host announces it a moment after others send to it.
 */
export class Router {
  readonly table = new RoutingTable();
  readonly counters = new RouterCounters();
  private readonly held: HeldFrames;
  private readonly now: () => number;
  private readonly holdMs: number;
  private readonly completeAt: number;

  constructor(
    private readonly sink: RouterSink,
    options: RouterOptions = {},
  ) {
    this.now = options.now ?? (() => performance.now());
    this.holdMs = options.holdMs ?? 2_000;
    this.completeAt = this.now() + this.holdMs;
    this.held = new HeldFrames(
      { frames: options.maxHeldFrames ?? 1024, bytes: options.maxHeldBytes ?? 16 * 1024 * 1024 },
      ({ frame, group }) => {
        if (frame && !group) this.counters.dropped['queue-full']++;
      },
    );
  }

  /** Frames and queries that wait for a host to turn up. */
  get waiting(): number {
    return this.held.size;
  }

  /** A host's full list of NICs. Other caches are corrected, and waiting frames sent, before this returns. */
  attach(host: string, nics: readonly Attachment[]): void {
    this.counters.announcements++;
    const changed = this.table.attach(host, nics);
    if (changed.length === 0) return;
    this.sink.invalidate(changed);
    const answers = new Answers();
    this.held.release(held => {
      const hosts = this.hostsFor(held);
      this.send(held, hosts);
      // More hosts of a network may turn up: group frames wait their time out.
      if (held.group || hosts.length === 0) return false;
      answers.add(held.from, this.routeFor(held));
      return true;
    });
    answers.send(this.sink);
  }

  /** Frames that host `from` had no route for. */
  forward(from: string, batch: readonly TaggedFrame[]): void {
    const answers = new Answers();
    for (const { vni, frame } of batch) {
      this.counters.misses++;
      if (superFrameProblem(frame) === undefined) {
        this.dispatch(this.request(from, vni, frame, SUPER_FRAME_ETHERNET, frame), answers);
      } else {
        this.counters.dropped.malformed++;
      }
    }
    answers.send(this.sink);
  }

  /** Host `from` wants to know these routes, or to have them confirmed. */
  query(from: string, keys: readonly RouteKey[]): void {
    const answers = new Answers();
    for (const { vni, mac } of keys) {
      this.counters.queries++;
      this.dispatch(this.request(from, vni, parseMac(mac), 0, undefined), answers);
    }
    answers.send(this.sink);
  }

  /** Ends the waiting of what has waited long enough; to be called every so often. */
  expire(): void {
    const now = this.now();
    const answers = new Answers();
    this.held.release(held => {
      if (held.until > now) return false;
      if (held.frame && !held.group) this.counters.dropped['no-route']++;
      answers.add(held.from, this.routeFor(held));
      return true;
    });
    answers.send(this.sink);
  }

  private request(
    from: string,
    vni: number,
    bytes: Uint8Array,
    offset: number,
    frame: Uint8Array | undefined,
  ): Held {
    const group = isGroupMac(bytes, offset);
    const until = group ? this.completeAt : this.now() + this.holdMs;
    return { vni, bytes, offset, group, from, frame, sentTo: new Set(), until };
  }

  /** Sends a frame where it belongs, as far as that is known, and answers the route; what is not known waits. */
  private dispatch(held: Held, answers: Answers): void {
    const hosts = this.hostsFor(held);
    this.send(held, hosts);
    const known = held.group ? this.now() >= this.completeAt : hosts.length > 0;
    if (known) answers.add(held.from, this.routeFor(held));
    else this.held.add(held);
  }

  private send({ vni, frame, sentTo }: Held, hosts: readonly string[]): void {
    if (!frame) return;
    for (const host of hosts) {
      if (sentTo.has(host)) continue;
      sentTo.add(host);
      this.counters.forwarded++;
      this.sink.toHost(host, { vni, frame });
    }
  }

  /** Never the asking host: it has looked among its own ports already. */
  private hostsFor({ vni, bytes, offset, group, from }: Held): string[] {
    const hosts = group ? this.table.group(vni) : this.table.unicast(vni, bytes, offset);
    return hosts.filter(host => host !== from);
  }

  private routeFor(held: Held): Route {
    const mac = held.group ? BROADCAST_MAC : formatMac(held.bytes, held.offset);
    return { vni: held.vni, mac, hosts: this.hostsFor(held) };
  }
}

/** Routes to tell after the frames of a batch: each host is told each route once. */
class Answers {
  private readonly answers = new Map<string, { host: string; route: Route }>();

  add(host: string, route: Route): void {
    this.answers.set(`${host} ${route.vni} ${route.mac}`, { host, route });
  }

  send(sink: RouterSink): void {
    for (const { host, route } of this.answers.values()) sink.route(host, route);
  }
}
