import type { TaggedFrame } from '@v3vee/bus';
import type {
  Attachment,
  EdgeAttachment,
  Flow,
  StaleFlows,
  Target,
  VnetPlace,
  VnetRule,
} from '@v3vee/contracts';
import {
  ethernetFields,
  formatMac,
  isGroupMac,
  MAC_BYTES,
  parseMac,
  SUPER_FRAME_ETHERNET,
  superFrameProblem,
} from '@v3vee/wire';
import { FairQueue } from '../fair-queue';
import type { LoopGuard } from '../links/loop-guard';
import { placeKey } from '../port';

import { RoutingTable } from './routing-table';
import type { Located } from './whereabouts';

/** How the router reaches the hosts. What is sent first must arrive first. */
export interface RouterSink {
  toHost(host: string, frame: TaggedFrame): void;
  /** Puts a route into one host's cache. */
  route(host: string, route: Flow & { targets: Target[] }): void;
  /** Takes flows out of all hosts' caches. */
  invalidate(flows: StaleFlows[]): void;
}

export interface RouterOptions {
  /**
   * How long a frame for an unknown address waits for a host to announce that address, ms. For as long
   * after its start the router takes its knowledge for incomplete.
   */
  holdMs?: number;
  maxHeldFrames?: number;
  maxHeldBytes?: number;
  /** Frames that go from one link to another are shown to it. */
  loopGuard?: Pick<LoopGuard, 'seen'>;
  /** A monotonic clock, ms. */
  now?: () => number;
}

/** Why the router dropped a frame. */
export const routerDropReasons = ['malformed', 'no-route', 'loop', 'queue-full'] as const;
export type RouterDropReason = (typeof routerDropReasons)[number];

export class RouterCounters {
  /** Frames that hosts had no route for. */
  misses = 0;
  /** Frames sent on, counted once for each message of a frame to a host. */
  forwarded = 0;
  /** Routes asked for without a frame. */
  queries = 0;
  /** Announcements of attached NICs and links. */
  announcements = 0;
  readonly dropped = Object.fromEntries(routerDropReasons.map(reason => [reason, 0])) as Record<
    RouterDropReason,
    number
  >;
}

/** A frame, or a query without one, that waits for its route to be known. */
interface Request {
  readonly host: string;
  readonly vni: number;
  readonly from: VnetPlace;
  /** Holds the destination address at `offset`, and the source address behind it. */
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly group: boolean;
  readonly frame: Uint8Array | undefined;
  /** Places that the frame has been sent to. */
  readonly sentTo: Set<string>;
  /** Time at which waiting is over. */
  readonly until: number;
}

/**
 * The routing authority: forwards the frames that hosts have no route for and tells those hosts the route, so
 * that the rest of the flow goes straight to where it belongs.
 *
 * Of who is where it keeps nothing over a restart. A new router learns that from the hosts within some milliseconds;
 * until `holdMs` are over a frame for an unknown address waits, and a group frame is kept to be sent to each
 * place that turns up. The same wait covers a NIC whose host announces it a moment after others send to it.
 */
export class Router {
  readonly table = new RoutingTable();
  readonly counters = new RouterCounters();
  private readonly held: FairQueue<Request>;
  private readonly now: () => number;
  private readonly holdMs: number;
  private readonly completeAt: number;

  constructor(
    private readonly sink: RouterSink,
    private readonly options: RouterOptions = {},
  ) {
    this.now = options.now ?? (() => performance.now());
    this.holdMs = options.holdMs ?? 2_000;
    this.completeAt = this.now() + this.holdMs;
    this.held = new FairQueue(
      { items: options.maxHeldFrames ?? 1024, bytes: options.maxHeldBytes ?? 16 * 1024 * 1024 },
      ({ vni, bytes, offset, frame, sentTo }) => {
        if (frame && sentTo.size === 0) this.counters.dropped['queue-full']++;
        // What can't be confirmed must not be used any longer.
        if (!frame) this.sink.invalidate([{ vni, destination: formatMac(bytes, offset) }]);
      },
    );
  }

  /** Frames and queries that wait for a place to turn up. */
  get waiting(): number {
    return this.held.size;
  }

  /** A host's full list of NICs and links. Other caches are corrected, and waiting frames sent, before this returns. */
  attach(host: string, nics: readonly Attachment[], edges: readonly EdgeAttachment[] = []): void {
    this.counters.announcements++;
    this.changed(this.table.attach(host, nics, edges));
  }

  /** The routes that users added, all of them. As with `attach`, they are in force when this returns. */
  setRules(rules: readonly VnetRule[]): void {
    this.changed(this.table.setRules(rules));
  }

  /** Frames that `host` had no route for. */
  forward(host: string, batch: readonly TaggedFrame[]): void {
    const answers = new Answers();
    for (const { vni, frame, place } of batch) {
      this.counters.misses++;
      if (!place || superFrameProblem(frame) !== undefined) this.counters.dropped.malformed++;
      else this.dispatch(this.request(host, vni, place, frame, SUPER_FRAME_ETHERNET, frame), answers);
    }
    answers.send(this.sink);
  }

  /** Host `host` wants to know these routes, or to have them confirmed. */
  query(host: string, flows: readonly Flow[]): void {
    const answers = new Answers();
    for (const { vni, from, source, destination } of flows) {
      this.counters.queries++;
      const addresses = new Uint8Array(2 * MAC_BYTES);
      addresses.set(parseMac(destination), ethernetFields.destination.start);
      addresses.set(parseMac(source), ethernetFields.source.start);
      this.dispatch(this.request(host, vni, from, addresses, 0, undefined), answers);
    }
    answers.send(this.sink);
  }

  /** Ends the waiting of what has waited long enough; to be called every so often. */
  expire(): void {
    const now = this.now();
    const answers = new Answers();
    this.held.release(request => {
      if (request.until > now) return false;
      if (request.frame && request.sentTo.size === 0 && !request.group) this.counters.dropped['no-route']++;
      answers.add(request.host, this.flowOf(request), this.lookup(request).targets);
      return true;
    });
    answers.send(this.sink);
  }

  private changed(stale: StaleFlows[]): void {
    if (stale.length === 0) return;
    this.sink.invalidate(stale);
    const answers = new Answers();
    this.held.release(request => this.isDone(request, answers));
    answers.send(this.sink);
  }

  private request(
    host: string,
    vni: number,
    from: VnetPlace,
    bytes: Uint8Array,
    offset: number,
    frame: Uint8Array | undefined,
  ): Request {
    const group = isGroupMac(bytes, offset);
    const until = group ? this.completeAt : this.now() + this.holdMs;
    return { host, vni, from, bytes, offset, group, frame, sentTo: new Set(), until };
  }

  private dispatch(request: Request, answers: Answers): void {
    if (this.isDone(request, answers)) return;
    // A copy: the frame is a view into a whole batch, which would stay in memory for its sake.
    const bytes = request.bytes.slice();
    const kept = { ...request, bytes, frame: request.frame && bytes };
    this.held.add(request.host, kept, bytes.length);
  }

  /** Sends a frame where it belongs, as far as that is known, and answers the route. What is not known has to wait. */
  private isDone(request: Request, answers: Answers): boolean {
    const { places, targets, known, complete } = this.lookup(request);
    if (request.frame && places.length > 0) this.send(request, request.frame, places, complete);
    if (!known || !complete) return false;
    answers.add(request.host, this.flowOf(request), targets);
    return true;
  }

  private lookup(request: Request): {
    places: readonly Located[];
    targets: Target[];
    known: boolean;
    /** Whether nothing that is to be announced yet can get such frames too. */
    complete: boolean;
  } {
    const { host, vni, from, bytes, offset, group } = request;
    const { whereabouts } = this.table;
    const { places, known } = this.table.lookup(vni, from, bytes, offset);
    const exact = !group && whereabouts.holder(vni, bytes, offset)?.place.type === 'interface';
    const complete = exact || this.now() >= this.completeAt;
    return { places, targets: this.targets(request, places, host), known, complete };
  }

  private send(request: Request, frame: Uint8Array, places: readonly Located[], complete: boolean): void {
    const { host, vni, from, group, sentTo } = request;
    const next = places.filter(({ place }) => !sentTo.has(placeKey(place)));
    // Group frames that come by a link were shown to the guard where they came in.
    const turned = !group && from.type === 'edge' && next.some(({ place }) => place.type === 'edge');
    if (turned && this.options.loopGuard?.seen(vni, frame, SUPER_FRAME_ETHERNET)) {
      this.counters.dropped.loop++;
      return;
    }
    for (const { place } of next) sentTo.add(placeKey(place));
    // While others may turn up, each place is told by name: a host might have one that it has not announced yet.
    const targets = complete
      ? this.targets(request, next, host)
      : next.map(({ host: at, place }) => ({ host: at, to: place }));
    for (const target of targets) {
      this.counters.forwarded++;
      this.sink.toHost(target.host, target.to ? { vni, frame, place: target.to } : { vni, frame });
    }
  }

  /**
   * One target for all that a host knows to do by the destination address, else one for each place. To the asking
   * host places are always named: the one that asks must not get its own frame.
   */
  private targets(
    { vni, bytes, offset, group }: Request,
    places: readonly Located[],
    asking: string,
  ): Target[] {
    const nics = new Map<string, number>();
    for (const { host, place } of places) {
      if (place.type === 'interface') nics.set(host, (nics.get(host) ?? 0) + 1);
    }
    const address = group ? '' : formatMac(bytes, offset);
    const byAddress = ({ host, place }: Located): boolean => {
      if (host === asking || place.type === 'edge') return false;
      return group ? nics.get(host) === this.table.whereabouts.claimed(vni, host) : place.mac === address;
    };
    const targets: Target[] = [];
    const told = new Set<string>();
    for (const located of places) {
      const { host, place } = located;
      if (!byAddress(located)) targets.push({ host, to: place });
      else if (!told.has(host)) {
        told.add(host);
        targets.push({ host, to: null });
      }
    }
    return targets;
  }

  private flowOf({ vni, from, bytes, offset }: Request): Flow {
    const source = formatMac(bytes, offset + ethernetFields.source.start);
    return { vni, from, source, destination: formatMac(bytes, offset) };
  }
}

/** Routes to tell after the frames of a batch: each host is told each route once. */
class Answers {
  private readonly answers = new Map<string, { host: string; flow: Flow; targets: Target[] }>();

  add(host: string, flow: Flow, targets: Target[]): void {
    const { vni, from, source, destination } = flow;
    const key = `${host} ${vni} ${placeKey(from)} ${source} ${destination}`;
    this.answers.set(key, { host, flow, targets });
  }

  send(sink: RouterSink): void {
    for (const { host, flow, targets } of this.answers.values()) sink.route(host, { ...flow, targets });
  }
}
