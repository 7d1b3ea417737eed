import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { Bus, type Stoppable } from '@v3vee/bus';
import { kittenHeartbeat, palaciosHeartbeat, V3Error, type Inventory } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import type { GatewayConfig } from '../config';

/** The two services that make a host. */
const services = ['kitten', 'palacios'] as const;
type HostService = (typeof services)[number];

interface Heard {
  incarnation: string;
  tick: number;
  /** Wall clock, for people. */
  instant: Date;
}

interface Presence {
  kitten?: Heard & { inventory: Inventory };
  palacios?: Heard;
}

export interface HostReadiness {
  ready: boolean;
  reason: string;
}

interface Watcher {
  host: string;
  incarnation: string | undefined;
  abort: AbortController;
}

/**
 * Silence is counted in ticks of this process, not by the clock: while its event loop is held up, heartbeats wait
 * to be heard and no tick passes, so its own pause is never taken for a host's silence.
 */
const TICK_MS = 50;

/**
 * Which hosts are there, from the heartbeats of their Kitten and their Palacios. A host is ready while both are
 * heard. Whoever waits for an answer of a host's Palacios watches it here: its silence, or a new incarnation
 * of it, means that the answer will never come.
 */
@Injectable()
export class HostDirectory implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly presences = new Map<string, Presence>();
  private readonly watchers = new Set<Watcher>();
  private readonly waiters = new Set<() => void>();
  private lapsed: ReadonlySet<string> = new Set();
  private subscriptions: Stoppable[] = [];
  private ticker: NodeJS.Timeout | undefined;
  private ticks = 0;

  constructor(
    private readonly bus: Bus,
    @Config() private readonly config: GatewayConfig,
  ) {}

  onApplicationBootstrap(): void {
    this.subscriptions = [
      this.bus.listen(kittenHeartbeat, '*', (inventory, host) => {
        this.heard(host, { kitten: { ...this.now(), incarnation: inventory.incarnation, inventory } });
      }),
      this.bus.listen(palaciosHeartbeat, '*', ({ incarnation }, host) => {
        this.heard(host, { palacios: { ...this.now(), incarnation } });
      }),
    ];
    this.ticker = setInterval(() => {
      this.ticks++;
      this.look();
    }, TICK_MS);
  }

  onApplicationShutdown(): void {
    clearInterval(this.ticker);
    for (const subscription of this.subscriptions) subscription.stop();
  }

  readiness(host: string): HostReadiness {
    const complaints = services.map(service => this.complaint(host, service)).filter(text => text !== '');
    return complaints.length === 0
      ? { ready: true, reason: 'its Kitten and its Palacios answer' }
      : { ready: false, reason: complaints.join('; ') };
  }

  /** Why a host's Palacios can't be asked, or '' when it can. */
  palaciosSilence(host: string): string {
    return this.complaint(host, 'palacios');
  }

  /** Why a host's Kitten can't be asked, or '' when it can. */
  kittenSilence(host: string): string {
    return this.complaint(host, 'kitten');
  }

  /** The Palacios that runs there now; undefined while it is silent. */
  palaciosIncarnation(host: string): string | undefined {
    return this.palaciosSilence(host) === '' ? this.presences.get(host)?.palacios?.incarnation : undefined;
  }

  /** What its Kitten said last, while it is heard. */
  inventory(host: string): Inventory | undefined {
    return this.complaint(host, 'kitten') === '' ? this.presences.get(host)?.kitten?.inventory : undefined;
  }

  /** When either of its services was heard last. */
  heardAt(host: string): Date | null {
    const { kitten, palacios } = this.presences.get(host) ?? {};
    const instants = [kitten?.instant, palacios?.instant].filter(instant => instant !== undefined);
    return instants.length === 0 ? null : new Date(Math.max(...instants.map(Number)));
  }

  /** @throws V3Error HOST_NOT_READY that names who is silent */
  assertReady(host: string): void {
    const { ready, reason } = this.readiness(host);
    if (!ready) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${reason}`);
  }

  /** @throws V3Error HOST_NOT_READY when it is not ready in time; the signal's reason when that fires */
  async whenReady(host: string, patienceMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!this.readiness(host).ready) {
      signal?.throwIfAborted();
      if (performance.now() >= deadline) this.assertReady(host);
      await new Promise<void>(resolve => this.waiters.add(resolve));
    }
  }

  /**
   * Runs a call to a host's Palacios; its signal fires when the answer will never come, or with the outer one.
   * @throws V3Error HOST_NOT_READY at once when the host is silent or becomes so, or its Palacios starts anew
   */
  async watching<T>(
    host: string,
    work: (signal: AbortSignal) => Promise<T>,
    outer?: AbortSignal,
  ): Promise<T> {
    const silence = this.palaciosSilence(host);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${silence}`);
    const watcher = { host, incarnation: this.palaciosIncarnation(host), abort: new AbortController() };
    const abort = () => watcher.abort.abort(outer?.reason);
    if (outer?.aborted) abort();
    outer?.addEventListener('abort', abort, { once: true });
    this.watchers.add(watcher);
    try {
      return await work(watcher.abort.signal);
    } finally {
      outer?.removeEventListener('abort', abort);
      this.watchers.delete(watcher);
    }
  }

  /** Hosts whose lease is over: they may be heard, but their guests stand still and they do nothing. */
  setLapsed(hosts: ReadonlySet<string>): void {
    this.lapsed = hosts;
    this.look();
  }

  private heard(host: string, news: Partial<Presence>): void {
    this.presences.set(host, { ...this.presences.get(host), ...news });
    this.look();
  }

  /** After each tick and each heartbeat: tells those whom the change concerns. */
  private look(): void {
    for (const { host, incarnation, abort } of this.watchers) {
      const silence = this.palaciosSilence(host);
      const changed = this.palaciosIncarnation(host) !== incarnation;
      if (!silence && !changed) continue;
      const detail = silence || `the palacios of ${host} was restarted meanwhile`;
      abort.abort(new V3Error('HOST_NOT_READY', `host ${host} went away during this: ${detail}`));
    }
    for (const wake of this.waiters) wake();
    this.waiters.clear();
  }

  private now(): { tick: number; instant: Date } {
    return { tick: this.ticks, instant: new Date() };
  }

  private complaint(host: string, service: HostService): string {
    const heard = this.presences.get(host)?.[service];
    if (heard && (this.ticks - heard.tick) * TICK_MS <= this.config.V3_HOST_SILENCE_MS) {
      const isOver = service === 'palacios' && this.lapsed.has(host);
      return isOver ? `the lease of ${host} is over, its guests stand still` : '';
    }
    const since = heard ? `is silent since ${heard.instant.toISOString()}` : 'was not heard yet';
    const cutOff = this.bus.connected ? '' : ' (the gateway itself is cut off from NATS)';
    return `the ${service} of ${host} ${since}${cutOff}`;
  }
}
