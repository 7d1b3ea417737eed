import type { LinkConfig, LinkStatus } from '@v3vee/contracts';
import { ethernetFields } from '@v3vee/wire';
import { AddressTable } from './address-table';
import { canonical } from './address';
import { DatagramListener } from './datagram-listener';
import { Link } from './link';
import { TcpListener } from './tcp-listener';
import type { Health, Listener, ListenerStatus } from './transport';

export interface LinkEvents {
  /** Super-frames that came by a link, in order; once for each link and turn of the event loop. */
  onFrames(index: number, frames: Uint8Array[]): void;
  onHealth?(index: number, health: Health): void;
  /** All addresses now known behind a link; once for each change and turn of the event loop. */
  onLearned?(index: number, macs: string[]): void;
}

export interface LinksOptions {
  events: LinkEvents;
  /** A clock in ms. */
  now?: () => number;
}

/** How often learned addresses are looked at for age, ms. */
const AGEING_INTERVAL_MS = 10_000;

/**
 * The overlay's links to the outside: UDP and TCP as VNET/P's bridge has them, and VXLAN (RFC 7348).
 *
 * ```ts
 * const links = new Links({ events: { onFrames: (index, frames) => … } });
 * links.set(config);           // adds or changes; it is opened, and opened again, until that works
 * links.send(1, superFrames);  // segmented, finished and fitted to the link's MTU on their way
 * links.status(1);             // { state: 'UP', reason: '', learned: ['02:…'], counters }
 * await links.close();
 * ```
 *
 * Nothing here throws at bad luck or bad input: a link that cannot work is in state ERROR with the reason, and what
 * cannot pass is counted by reason. A link forwards nothing to another link: that is the core's to decide.
 */
export class Links {
  private readonly links = new Map<number, Link>();
  /** By type and local address. */
  private readonly listeners = new Map<string, Listener>();
  private readonly closing = new Set<Promise<void>>();
  private readonly addresses: AddressTable<Link>;
  private readonly ageing: NodeJS.Timeout;

  /** What is told at the end of this turn of the event loop. */
  private arrived = new Map<Link, Uint8Array[]>();
  private learned = new Set<Link>();
  private scheduled = false;
  private readonly told = new Map<Link, Health>();

  constructor(private readonly options: LinksOptions) {
    this.addresses = new AddressTable<Link>(
      () => this.now(),
      link => {
        this.learned.add(link);
        this.schedule();
      },
    );
    this.ageing = setInterval(() => this.age(), AGEING_INTERVAL_MS).unref();
  }

  get indexes(): number[] {
    return [...this.links.keys()];
  }

  /** Adds the link with this index, or changes it. Its counters go on; a change of addresses opens it anew. */
  set(config: LinkConfig): void {
    const link = this.links.get(config.index);
    if (!link) {
      const added = new Link(config, this.owner);
      this.links.set(config.index, added);
      return this.open(added);
    }
    if (keyOf(link.config) === keyOf(config)) return link.reconfigure(config);
    this.shut(link);
    link.reconfigure(config);
    this.open(link);
    this.openRefused();
  }

  /** Answers whether there was one. */
  remove(index: number): boolean {
    const link = this.links.get(index);
    if (!link) return false;
    this.links.delete(index);
    this.shut(link);
    this.arrived.delete(link);
    this.learned.delete(link);
    this.told.delete(link);
    this.openRefused();
    return true;
  }

  /**
   * Super-frames to the peer of a link. They must stay unchanged for good: the operating system may read them
   * later. What is sent to a link that there is not is nobody's.
   */
  send(index: number, superFrames: readonly Uint8Array[]): void {
    this.links.get(index)?.send(superFrames);
  }

  status(index: number): LinkStatus | undefined {
    const link = this.links.get(index);
    return link?.status(this.addresses.of(link));
  }

  statuses(): LinkStatus[] {
    return [...this.links.values()].map(link => link.status(this.addresses.of(link)));
  }

  /** The local sockets, and what came there from nobody's peer. */
  listening(): ListenerStatus[] {
    return [...this.listeners.values()].map(listener => listener.status());
  }

  /** Forgets addresses that were not seen for 300 s; happens by itself every 10 s. */
  age(): void {
    this.addresses.age();
  }

  /** Resolves when all sockets are closed. */
  async close(): Promise<void> {
    clearInterval(this.ageing);
    for (const index of this.indexes) this.remove(index);
    await Promise.all(this.closing);
  }

  private readonly owner = {
    now: () => this.now(),
    deliver: (link: Link, frame: Uint8Array) => {
      const frames = this.arrived.get(link);
      if (frames) frames.push(frame);
      else this.arrived.set(link, [frame]);
      this.schedule();
    },
    learn: (link: Link, ethernet: Uint8Array) =>
      this.addresses.seen(link, link.vni, ethernet, ethernetFields.source.start),
    healthChanged: (link: Link) => this.tellHealth(link),
  };

  private now(): number {
    return this.options.now?.() ?? performance.now();
  }

  private open(link: Link): void {
    const { misfit, config } = link;
    if (!config.up) link.changed();
    else if (misfit) link.refuse(misfit);
    else {
      link.open(this.listenerFor(config));
      this.closeUnused();
    }
  }

  private shut(link: Link): void {
    link.close();
    this.addresses.forget(link);
    this.closeUnused();
  }

  /** Links that had to wait for another one to go. */
  private openRefused(): void {
    for (const link of this.links.values()) if (link.config.up && !link.isOpen) this.open(link);
  }

  private listenerFor({ type, local }: LinkConfig): Listener {
    const address = canonical(local.address);
    const key = `${type} ${address} ${local.port}`;
    let listener = this.listeners.get(key);
    if (!listener) {
      const endpoint = { address, port: local.port };
      listener = type === 'tcp' ? new TcpListener(endpoint) : new DatagramListener(type, endpoint);
      this.listeners.set(key, listener);
    }
    return listener;
  }

  private closeUnused(): void {
    for (const [key, listener] of this.listeners) {
      if (listener.status().links > 0) continue;
      this.listeners.delete(key);
      const closed = listener.close().finally(() => this.closing.delete(closed));
      this.closing.add(closed);
    }
  }

  private tellHealth(link: Link): void {
    const { health } = link;
    const before = this.told.get(link);
    if (this.links.get(link.index) !== link) return;
    if (before?.state === health.state && before.reason === health.reason) return;
    this.told.set(link, health);
    this.options.events.onHealth?.(link.index, health);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.tell());
  }

  private tell(): void {
    this.scheduled = false;
    const { arrived, learned } = this;
    this.arrived = new Map();
    this.learned = new Set();
    const { onLearned, onFrames } = this.options.events;
    // Addresses first: who answers one of these frames must find its sender.
    for (const link of learned) {
      if (this.links.get(link.index) === link) onLearned?.(link.index, this.addresses.of(link));
    }
    for (const [link, frames] of arrived) onFrames(link.index, frames);
  }
}

/** All that a link's socket depends on. */
function keyOf({ type, remote, local, vni, wireVni, up }: LinkConfig): string {
  return JSON.stringify([type, remote, local, vni, wireVni, up]);
}
