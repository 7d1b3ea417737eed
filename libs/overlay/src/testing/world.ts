import type { TaggedFrame } from '@v3vee/bus';
import { LINKS_HOST, type VnetRule } from '@v3vee/contracts';
import { LoopGuard } from '../links/loop-guard';
import { isNic, type LinkPort, type NicPort, type Port } from '../port';
import { Router } from '../router/router';
import { VnetCore } from '../vnet-core';
import { frameTo, idOf, vmOf, type Random } from './frames';

const ROUTER = 'router';
export const HOLD_MS = 1_000;

export interface TestPort extends NicPort {
  readonly host: string;
  readonly mac: string;
  readonly received: number[];
}
export interface TestLink extends LinkPort {
  readonly received: number[];
  readonly learned: Set<string>;
}

/**
 * A whole overlay in one process: cores (one of them for links), a router, and between them a network that orders
 * messages as a NATS server does (each receiver gets what it is sent in the order of sending, but receivers are not
 * in step).
 */
export class World {
  readonly cores = new Map<string, VnetCore>();
  readonly ports: TestPort[] = [];
  router!: Router;
  now = 0;
  rules: VnetRule[] = [];
  /** Messages delivered so far. */
  steps = 0;
  private readonly hosts: string[];
  private readonly queues = new Map<string, (() => void)[]>();
  private readonly loopGuard = new LoopGuard(() => this.now, 1);

  constructor(
    hosts: string[],
    private readonly random: Random,
    cacheLimit = 4096,
  ) {
    this.hosts = [...hosts, LINKS_HOST];
    for (const host of this.hosts) this.cores.set(host, this.coreOf(host, cacheLimit));
    this.startRouter();
  }

  attach(host: string, vni: number, mac: string, vm: number, epoch = 1): TestPort {
    const received: number[] = [];
    const deliver = (frames: Uint8Array[]) => void received.push(...frames.map(idOf));
    const place = { type: 'interface' as const, mac };
    const port: TestPort = { host, mac, place, vni, vmId: vmOf(vm), epoch, received, deliver };
    this.core(host).attach(port);
    this.ports.push(port);
    this.announce(host);
    return port;
  }

  detach(port: TestPort): void {
    this.core(port.host).detach(port);
    this.ports.splice(this.ports.indexOf(port), 1);
    this.announce(port.host);
  }

  /** A link; `peer` gets what leaves by it. What comes in by it is learned. */
  attachLink(link: number, vni: number, peer: (frame: Uint8Array) => void = () => undefined): TestLink {
    const received: number[] = [];
    const port: TestLink = {
      place: { type: 'edge', link },
      vni,
      received,
      learned: new Set(),
      deliver: frames => {
        received.push(...frames.map(idOf));
        // Receivers may use a frame's buffer again.
        for (const frame of frames.map(each => each.slice())) this.post(`wire ${link}`, () => peer(frame));
      },
    };
    this.core(LINKS_HOST).attach(port);
    this.announce(LINKS_HOST);
    return port;
  }

  detachLink(port: TestLink): void {
    this.core(LINKS_HOST).detach(port);
    this.announce(LINKS_HOST);
  }

  /** A frame from a station behind the link. */
  arrive(port: TestLink, source: string, frame: Uint8Array): void {
    const core = this.core(LINKS_HOST);
    port.learned.add(source);
    if (core.setLearned(port, [...port.learned])) this.announce(LINKS_HOST);
    core.transmit(port, [frame]);
  }

  send(from: TestPort, to: string, ...ids: number[]): void {
    const frames = ids.map(id => frameTo(to, from.mac, id));
    this.core(from.host).transmit(from, frames);
  }

  setRules(rules: VnetRule[]): void {
    this.rules = rules;
    this.post(ROUTER, () => this.router.setRules(rules));
  }

  /** The router hears no more of a host. */
  loseHost(host: string): void {
    this.post(ROUTER, () => this.router.attach(host, []));
  }

  /** The router is killed: what was on its way to it is lost. A new one takes its place. */
  restartRouter(): void {
    this.queues.delete(ROUTER);
    this.startRouter();
    for (const host of this.hosts) {
      this.post(host, () => {
        this.announce(host);
        const flows = this.core(host).flows();
        this.post(ROUTER, () => this.router.query(host, flows));
      });
    }
  }

  /** Delivers one message; answers whether there was one. */
  step(): boolean {
    const busy = [...this.queues].filter(([, queue]) => queue.length > 0);
    if (busy.length === 0) return false;
    this.steps++;
    busy[this.random(busy.length)]![1].shift()!();
    return true;
  }

  drain(): void {
    while (this.step());
  }

  /** Lets all waiting of the router end. */
  settle(): void {
    this.drain();
    this.now += HOLD_MS + 1;
    this.router.expire();
    this.drain();
  }

  core(host: string): VnetCore {
    return this.cores.get(host)!;
  }

  private announce(host: string): void {
    const { nics, edges } = this.core(host).attachments();
    this.post(ROUTER, () => this.router.attach(host, nics, edges));
  }

  private coreOf(host: string, cacheLimit: number): VnetCore {
    const to = (receiver: string, action: (frame: TaggedFrame) => void) => (frame: TaggedFrame) => {
      this.post(receiver, () => action(frame));
      return true;
    };
    return new VnetCore({
      host,
      cacheLimit,
      loopGuard: this.loopGuard,
      sink: {
        toHost: (other, frame) => to(other, f => this.core(other).receive([f]))(frame),
        toRouter: to(ROUTER, f => this.router.forward(host, [f])),
      },
    });
  }

  private startRouter(): void {
    this.router = new Router(
      {
        toHost: (host, frame) => this.post(host, () => this.core(host).receive([frame])),
        route: (host, route) => this.post(host, () => this.core(host).learn(route)),
        invalidate: flows => {
          for (const host of this.hosts) this.post(host, () => this.core(host).forget(flows));
        },
      },
      { holdMs: HOLD_MS, now: () => this.now, loopGuard: this.loopGuard },
    );
    this.router.setRules(this.rules);
  }

  private post(receiver: string, message: () => void): void {
    const queue = this.queues.get(receiver);
    if (queue) queue.push(message);
    else this.queues.set(receiver, [message]);
  }
}

export const portName = (port: Port): string =>
  isNic(port) ? `port${Number.parseInt(port.place.mac.slice(-2), 16)}` : `link${port.place.link}`;
