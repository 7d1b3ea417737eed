import type { TaggedFrame } from '@v3vee/bus';
import type { Port } from '../port';
import { RouteCache } from '../route-cache';
import { Router } from '../router/router';
import { VnetCore } from '../vnet-core';
import { frameTo, idOf, vmOf, type Random } from './frames';

const ROUTER = 'router';
export const HOLD_MS = 1_000;

interface TestPort extends Port {
  host: string;
  received: number[];
}

/**
 * A whole overlay in one process: cores, a router, and between them a network that orders messages as a NATS
 * server does (each receiver gets what it is sent in the order of sending, but receivers are not in step).
 */
export class World {
  readonly cores = new Map<string, VnetCore>();
  readonly ports: TestPort[] = [];
  router!: Router;
  now = 0;
  private readonly queues = new Map<string, (() => void)[]>();

  constructor(
    readonly hosts: string[],
    private readonly random: Random,
    cacheLimit = 4096,
  ) {
    for (const host of hosts) this.cores.set(host, this.coreOf(host, cacheLimit));
    this.startRouter();
  }

  attach(host: string, vni: number, mac: string, vm: number, epoch = 1): TestPort {
    const received: number[] = [];
    const deliver = (frames: Uint8Array[]) => void received.push(...frames.map(idOf));
    const port: TestPort = { host, vni, mac, vmId: vmOf(vm), epoch, received, deliver };
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

  send(from: TestPort, to: string, ...ids: number[]): void {
    const frames = ids.map(id => frameTo(to, from.mac, id));
    this.core(from.host).transmit(from, frames);
  }

  /** The router is killed: what was on its way to it is lost. A new one takes its place. */
  restartRouter(): void {
    this.queues.delete(ROUTER);
    this.startRouter();
    for (const host of this.hosts) {
      this.post(host, () => {
        this.announce(host);
        const keys = [...this.core(host).cache.keys()];
        this.post(ROUTER, () => this.router.query(host, keys));
      });
    }
  }

  /** Delivers one message; answers whether there was one. */
  step(): boolean {
    const busy = [...this.queues].filter(([, queue]) => queue.length > 0);
    if (busy.length === 0) return false;
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
    const nics = this.core(host).attachments();
    this.post(ROUTER, () => this.router.attach(host, nics));
  }

  private coreOf(host: string, cacheLimit: number): VnetCore {
    const to = (receiver: string, action: (frame: TaggedFrame) => void) => (frame: TaggedFrame) => {
      this.post(receiver, () => action(frame));
      return true;
    };
    return new VnetCore(
      {
        toHost: (other, frame) => to(other, f => this.core(other).receive([f]))(frame),
        toRouter: to(ROUTER, f => this.router.forward(host, [f])),
      },
      new RouteCache(cacheLimit),
    );
  }

  private startRouter(): void {
    this.router = new Router(
      {
        toHost: (host, frame) => this.post(host, () => this.core(host).receive([frame])),
        route: (host, route) => this.post(host, () => this.core(host).learn(route)),
        invalidate: keys => {
          for (const host of this.hosts) this.post(host, () => this.core(host).forget(keys));
        },
      },
      { holdMs: HOLD_MS, now: () => this.now },
    );
  }

  private post(receiver: string, message: () => void): void {
    const queue = this.queues.get(receiver);
    if (queue) queue.push(message);
    else this.queues.set(receiver, [message]);
  }
}
