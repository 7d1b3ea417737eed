import { decodeFrameBatch, FrameSender, type Bus, type Stoppable } from '@v3vee/bus';
import {
  rawSubjects,
  V3Error,
  vnetCalls,
  vnetHello,
  vnetInvalidate,
  vnetQuery,
  vnetRouteFound,
  type CoreStats,
} from '@v3vee/contracts';
import { Taps } from './capture';
import type { Port } from './port';
import { RouterUplink } from './router-uplink';
import { VnetCore, type VnetCoreOptions } from './vnet-core';

export interface OverlayNodeOptions extends Pick<VnetCoreOptions, 'cacheLimit' | 'loopGuard'> {
  bus: Bus;
  /** The emulated host this node is on; `LINKS_HOST` for the vnet service's own end. */
  host: string;
  /** Told when announcing fails, and when it works again. */
  onNotice?: (notice: string, detail: Record<string, unknown>) => void;
}

/** How long to wait before the router is asked again, ms: doubles from the first to the last. */
const RETRY = { first: 50, last: 1_000 };
/** One attempt; the router answers from memory, so silence means that it is away. */
const ATTACH_TIMEOUT_MS = 1_000;
/** Flows of one query message, well below NATS's limit of 1 MiB. */
const QUERY_FLOWS = 2_000;

/**
 * One host's end of the overlay: a `VnetCore` bound to the bus.
 *
 * ```ts
 * const node = await OverlayNode.start({ bus, host: 'alpha' });
 * const port = { place: { type: 'interface', mac }, vni, vmId, epoch, deliver: frames => … };
 * await node.attach(port);      // frames reach it, from everywhere, once this resolves
 * node.transmit(port, frames);  // super-frames of the guest; keep them unchanged until the tick ends
 * await node.detach(port);
 * await node.stop();
 * ```
 *
 * Where ports are the router does not keep: this node tells it the full list of attached NICs and links at every
 * change, and again when the router is new or the connection was lost, until it is acknowledged. Cached routes
 * outlive the router: they stay in use until a new router has confirmed or corrected them, or has withdrawn one
 * because its holder announced itself; that router then knows where the next frame goes. A frame that has no
 * cached route waits here while there is no router, for a port of this host too.
 */
export class OverlayNode {
  readonly core: VnetCore;
  /** Where captures watch the frames of this host. */
  readonly taps = new Taps();
  private readonly sender: FrameSender;
  private readonly uplink: RouterUplink;
  private readonly subscriptions: Stoppable[] = [];
  private readonly subjects = new Map<string, string>();
  /** Grows with each change that the router must hear of. */
  private version = 0;
  private acknowledged = -1;
  /** Whether cached routes may be out of date: a router that we do not know, or messages that we missed. */
  private unconfirmed = true;
  /** The router's incarnation; news of another one are not for this cache. */
  private authority: string | undefined;
  private readonly waiting = new Map<() => void, number>();
  private readonly stopping = new AbortController();
  private announcing: Promise<void> | undefined;

  private constructor(private readonly options: OverlayNodeOptions) {
    const { bus, host, cacheLimit, loopGuard } = options;
    this.sender = new FrameSender(bus);
    const toHost: VnetCoreOptions['sink']['toHost'] = (to, frame) => {
      // Frames for a server that is away are dropped, as a cut cable would: kept, they would fill the memory.
      if (!bus.connected) return false;
      this.sender.send(this.subjectOf(to), frame);
      return true;
    };
    const toRouter: VnetCoreOptions['sink']['toRouter'] = frame => this.uplink.send(frame);
    this.core = new VnetCore({ host, sink: { toHost, toRouter }, cacheLimit, loopGuard });
    const { dropped } = this.core.counters;
    this.uplink = new RouterUplink(bus, host, {
      // Its acknowledgement tells that it is back.
      onAway: () => void this.announce(),
      onDrop: (reason, frames) => (dropped[reason] += frames),
    });
  }

  /**
   * Resolves when this host can receive frames and news. It does not wait for the router: `announced` tells
   * whether that has acknowledged.
   */
  static async start(options: OverlayNodeOptions): Promise<OverlayNode> {
    const node = new OverlayNode(options);
    node.listen();
    await options.bus.flush();
    node.announce();
    return node;
  }

  /** Whether the router knows all attached NICs: fit for a readiness check. */
  get announced(): boolean {
    return this.acknowledged === this.version;
  }

  /**
   * Resolves when the router has acknowledged the port and all hosts have been told: frames then reach it from
   * everywhere. Waits as long as that takes (a router that is being restarted), or until `stop`: who can't,
   * races it against a timer; announcing goes on regardless, and flows that are cached reach it before.
   * @throws V3Error MAC_IN_USE, VNET_LINK_EXISTS when another port of this host has the same network and address
   * or link
   */
  async attach(port: Port): Promise<void> {
    this.core.attach(port);
    await this.announce();
  }

  /** No frame is delivered to the port from now on. Resolves when the router has acknowledged it. */
  async detach(port: Port): Promise<void> {
    if (this.core.detach(port)) await this.announce();
  }

  /**
   * The addresses seen behind an attached link, all of them: frames for these go there and nowhere else. Resolves when
   * the router has acknowledged it.
   */
  async setLearned(port: Port, macs: readonly string[]): Promise<void> {
    if (this.core.setLearned(port, macs)) await this.announce();
  }

  /** Counters of the core, those of frames that wait for the router included. */
  stats(): CoreStats {
    const { counters, ...stats } = this.core.stats();
    return { ...stats, counters: { ...counters, waiting: this.uplink.waiting } };
  }

  /** A burst of super-frames from the guest, or from the peer, behind an attached port. */
  transmit(port: Port, frames: readonly Uint8Array[]): void {
    if (this.taps.core.isWatched) this.taps.core.see(frames, 'out');
    this.core.transmit(port, frames);
  }

  /** Super-frames that came for a port whose guest is on another host by now go there; they are copied. */
  forward(host: string, { vni, place }: Port, frames: readonly Uint8Array[]): void {
    if (!this.options.bus.connected) return;
    for (const frame of frames) this.sender.send(rawSubjects.framesTo(host), { vni, place, frame });
  }

  /**
   * Sends what is waiting for the tick's end, leaves the bus open. The router is not told that the NICs are gone: a host
   * that stops in order has detached its ports before.
   */
  async stop(): Promise<void> {
    this.stopping.abort(new V3Error('SERVICE_UNAVAILABLE', 'the overlay node is stopping'));
    for (const subscription of this.subscriptions) subscription.stop();
    this.sender.flush();
    this.uplink.stop();
    this.settle(Infinity);
    await this.announcing;
  }

  /** Kept: to build and hash it for each frame took a fifth of the sender's time. */
  private subjectOf(host: string): string {
    let subject = this.subjects.get(host);
    if (!subject) this.subjects.set(host, (subject = rawSubjects.framesTo(host)));
    return subject;
  }

  private listen(): void {
    const { bus, host } = this.options;
    const { core, subscriptions } = this;
    subscriptions.push(
      bus.subscribeRaw(rawSubjects.framesTo(host), bytes => {
        const batch = decodeFrameBatch(bytes);
        const tap = this.taps.core;
        if (tap.isWatched)
          tap.see(
            batch.map(({ frame }) => frame),
            'in',
          );
        core.receive(batch);
      }),
      bus.listen(vnetRouteFound, host, ({ incarnation, ...route }) => {
        if (incarnation === this.authority) core.learn(route);
      }),
      bus.listen(vnetInvalidate, undefined, ({ flows }) => core.forget(flows)),
      bus.listen(vnetHello, undefined, () => this.resynchronise()),
      bus.onReconnect(() => this.resynchronise()),
    );
  }

  /** News may have been missed: tell the router all again, and have it confirm what is cached. */
  private resynchronise(): void {
    this.unconfirmed = true;
    void this.announce();
  }

  /** Has the present list of ports announced; resolves when that, or a later one, is acknowledged. */
  private announce(): Promise<void> {
    const version = ++this.version;
    const acknowledged = new Promise<void>(resolve => this.waiting.set(resolve, version));
    // One announcement under way at a time, so that an older list never overtakes a newer one.
    this.announcing ??= this.announceUntilAcknowledged();
    return acknowledged;
  }

  private async announceUntilAcknowledged(): Promise<void> {
    const { signal } = this.stopping;
    let pause = RETRY.first;
    // The first await lets several changes of one tick travel together.
    await Promise.resolve();
    while (!signal.aborted && !this.announced) {
      const version = this.version;
      try {
        await this.announceOnce(signal);
        if (pause > RETRY.first) this.notice('the router has acknowledged the attached NICs', {});
        pause = RETRY.first;
        this.acknowledged = version;
        this.uplink.back();
        this.settle(version);
      } catch (error) {
        if (signal.aborted) break;
        if (pause === RETRY.first) {
          this.notice('the router does not acknowledge the attached NICs yet', {
            error: (error as Error).message,
          });
        }
        await delay(pause, signal);
        pause = Math.min(pause * 2, RETRY.last);
      }
    }
    // In the same step as the loop's last look: a change from here on starts the next round.
    this.announcing = undefined;
  }

  private async announceOnce(signal: AbortSignal): Promise<void> {
    const { bus, host } = this.options;
    const { incarnation } = await bus.call(vnetCalls.attach, host, this.core.attachments(), {
      timeoutMs: ATTACH_TIMEOUT_MS,
      signal,
    });
    if (incarnation !== this.authority) {
      this.authority = incarnation;
      this.unconfirmed = true;
    }
    if (this.unconfirmed) this.queryCached();
  }

  private queryCached(): void {
    const { bus, host } = this.options;
    this.unconfirmed = false;
    const flows = this.core.flows();
    for (let at = 0; at < flows.length; at += QUERY_FLOWS) {
      bus.announce(vnetQuery, host, { flows: flows.slice(at, at + QUERY_FLOWS) });
    }
  }

  private settle(version: number): void {
    for (const [resolve, wanted] of this.waiting) {
      if (wanted > version) continue;
      this.waiting.delete(resolve);
      resolve();
    }
  }

  private notice(notice: string, detail: Record<string, unknown>): void {
    this.options.onNotice?.(notice, { host: this.options.host, ...detail });
  }
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
