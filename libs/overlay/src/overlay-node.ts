import { decodeFrameBatch, FrameSender, type Bus, type Stoppable, type TaggedFrame } from '@v3vee/bus';
import {
  rawSubjects,
  vnetCalls,
  vnetHello,
  vnetInvalidate,
  vnetQuery,
  vnetRoute,
  V3Error,
} from '@v3vee/contracts';
import type { Port } from './port';
import { VnetCore, type FrameSink } from './vnet-core';

export interface OverlayNodeOptions {
  bus: Bus;
  /** The emulated host this node is on. */
  host: string;
  /** Told when announcing fails, and when it works again. */
  onNotice?: (notice: string, detail: Record<string, unknown>) => void;
}

/** How long to wait before the router is asked again, ms: doubles from the first to the last. */
const RETRY = { first: 50, last: 1_000 };
/** One attempt; the router answers from memory, so silence means that it is away. */
const ATTACH_TIMEOUT_MS = 1_000;
/** Keys of one query message, well below NATS's limit of 1 MiB. */
const QUERY_KEYS = 2_000;

/**
 * One host's end of the overlay: a `VnetCore` bound to the bus.
 *
 * ```ts
 * const node = await OverlayNode.start({ bus, host: 'alpha' });
 * const port = { vni, mac, vmId, epoch, deliver: frames => … };
 * await node.attach(port);      // frames reach it, from everywhere, once this resolves
 * node.transmit(port, frames);  // super-frames of the guest; keep them unchanged until the tick ends
 * await node.detach(port);
 * await node.stop();
 * ```
 *
 * The router holds nothing durable: this node tells it the full list of attached NICs at every change, and
 * again when the router is new or the connection was lost, until it is acknowledged. Cached routes outlive
 * the router: they stay in use until a new router has confirmed or corrected them, or has withdrawn one because
 * its holder announced itself; that router then knows where the next frame goes.
 */
export class OverlayNode {
  readonly core: VnetCore;
  private readonly sender: FrameSender;
  private readonly subscriptions: Stoppable[] = [];
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
    const { bus, host } = options;
    this.sender = new FrameSender(bus);
    this.core = new VnetCore(sinkTo(bus, this.sender, host));
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
   * Frames from this host reach the port at once. Resolves when the router has acknowledged it and all other
   * hosts have been told: frames then reach it from everywhere. Waits as long as that takes (a router that is
   * being restarted), or until `stop`: who can't, races it against a timer; announcing goes on regardless.
   * @throws V3Error MAC_IN_USE when another port of this host has the same network and address
   */
  async attach(port: Port): Promise<void> {
    this.core.attach(port);
    await this.announce();
  }

  /** No frame is delivered to the port from now on. Resolves when the router has acknowledged it. */
  async detach(port: Port): Promise<void> {
    if (this.core.detach(port)) await this.announce();
  }

  /** A burst of super-frames from the guest behind an attached port. */
  transmit(port: Port, frames: readonly Uint8Array[]): void {
    this.core.transmit(port, frames);
  }

  /**
   * Sends what is still waiting, leaves the bus open. The router is not told that the NICs are gone: a host
   * that stops in order has detached its ports before.
   */
  async stop(): Promise<void> {
    this.stopping.abort(new V3Error('SERVICE_UNAVAILABLE', 'the overlay node is stopping'));
    for (const subscription of this.subscriptions) subscription.stop();
    this.sender.flush();
    this.settle(Infinity);
    await this.announcing;
  }

  private listen(): void {
    const { bus, host } = this.options;
    const { core, subscriptions } = this;
    subscriptions.push(
      bus.subscribeRaw(rawSubjects.framesTo(host), bytes => core.receive(decodeFrameBatch(bytes))),
      bus.listen(vnetRoute, host, ({ incarnation, ...route }) => {
        if (incarnation === this.authority) core.learn(route);
      }),
      bus.listen(vnetInvalidate, undefined, ({ routes }) => core.forget(routes)),
      bus.listen(vnetHello, undefined, () => this.resynchronise()),
      bus.onReconnect(() => this.resynchronise()),
    );
  }

  /** News may have been missed: tell the router all again, and have it confirm what is cached. */
  private resynchronise(): void {
    this.unconfirmed = true;
    void this.announce();
  }

  /** Has the present list of NICs announced; resolves when that, or a later one, is acknowledged. */
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
    const nics = this.core.attachments();
    const { incarnation } = await bus.call(
      vnetCalls.attach,
      undefined,
      { host, nics },
      { timeoutMs: ATTACH_TIMEOUT_MS, signal },
    );
    if (incarnation !== this.authority) {
      this.authority = incarnation;
      this.unconfirmed = true;
    }
    if (this.unconfirmed) this.queryCached();
  }

  private queryCached(): void {
    const { bus, host } = this.options;
    this.unconfirmed = false;
    const keys = [...this.core.cache.keys()];
    for (let at = 0; at < keys.length; at += QUERY_KEYS) {
      bus.announce(vnetQuery, host, { routes: keys.slice(at, at + QUERY_KEYS) });
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

/** Frames for a server that is away are dropped, as a cut cable would: kept, they would fill the memory. */
function sinkTo(bus: Bus, sender: FrameSender, host: string): FrameSink {
  const router = rawSubjects.framesToRouter(host);
  const send = (subject: string, frame: TaggedFrame): boolean => {
    if (!bus.connected) return false;
    sender.send(subject, frame);
    return true;
  };
  return {
    toHost: (to, frame) => send(rawSubjects.framesTo(to), frame),
    toRouter: frame => send(router, frame),
  };
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
