import { EventEmitter } from 'node:events';
import { V3Error } from '@v3vee/contracts';
import type { ServiceStatus } from '@v3vee/client';
import type { Running, Unit } from './unit';

export interface RestartPolicy {
  /** Pause before the first restart, ms; doubled at each further one up to `maxMs`. */
  initialMs: number;
  maxMs: number;
  /** Ready for so long, it counts as healthy: the next pause is `initialMs` again. */
  healthyMs: number;
  /** How often it may fail before it was ever ready; then the cluster's start fails. */
  startAttempts: number;
}

export const defaultPolicy: RestartPolicy = {
  initialMs: 200,
  maxMs: 10_000,
  healthyMs: 30_000,
  startAttempts: 3,
};

/** Keeps one unit running: starts it again with growing pauses until it is told to stop. Emits `change`. */
export class Keeper extends EventEmitter<{ change: [ServiceStatus] }> {
  private current: Omit<ServiceStatus, 'name'> = {
    state: 'waiting',
    reason: '',
    pid: null,
    url: null,
    restarts: 0,
    since: new Date().toISOString(),
  };
  private running: Running | undefined;
  private loop: Promise<void> | undefined;
  private cancel = new AbortController();
  private readonly firstReady = withResolvers<void>();

  constructor(
    private readonly unit: Unit,
    private readonly policy: RestartPolicy = defaultPolicy,
  ) {
    super();
    this.firstReady.promise.catch(() => {}); // nobody need wait
  }

  get status(): ServiceStatus {
    return { name: this.unit.name, ...this.current };
  }

  /**
   * Starts it and goes on keeping it. Resolves when it is ready for the first time.
   * @throws V3Error PROCESS_FAILED after `startAttempts` failed starts; it is then not tried again
   */
  start(): Promise<void> {
    this.loop ??= this.keep();
    return this.firstReady.promise;
  }

  /** Resolves when its process is gone for good. */
  async stop(): Promise<void> {
    if (this.current.state !== 'stopped') this.change({ state: 'stopping' });
    this.cancel.abort();
    await this.running?.stop();
    await this.loop;
    this.firstReady.reject(
      new V3Error('PROCESS_FAILED', `${this.unit.name} was stopped before it was ready`),
    );
    this.change({ state: 'stopped', pid: null, url: null });
  }

  kill(): void {
    this.cancel.abort();
    this.running?.kill();
  }

  private async keep(): Promise<void> {
    const { signal } = this.cancel;
    let pause = this.policy.initialMs;
    for (let failures = 0, wasReady = false; !signal.aborted;) {
      this.change({ state: 'starting' });
      let reason: string;
      const readyAt = await this.bringUp().catch((error: Error) => error);
      if (readyAt instanceof Error) {
        reason = readyAt.message;
        if (!wasReady && ++failures >= this.policy.startAttempts) {
          this.change({ state: 'stopped', reason, pid: null });
          this.firstReady.reject(
            new V3Error('PROCESS_FAILED', `${this.unit.name} does not start: ${reason}`),
          );
          return;
        }
      } else {
        wasReady = true;
        this.firstReady.resolve();
        reason = await (this.running as Running).exited;
        if (Date.now() - readyAt >= this.policy.healthyMs) pause = this.policy.initialMs;
      }
      this.running = undefined;
      if (signal.aborted) return;
      this.change({ state: 'backoff', reason, pid: null, restarts: this.current.restarts + 1 });
      await sleep(pause, signal);
      pause = Math.min(pause * 2, this.policy.maxMs);
    }
  }

  /** @returns when it became ready */
  private async bringUp(): Promise<number> {
    this.running = await this.unit.start(this.cancel.signal, pid => this.change({ pid }));
    const { pid, url, grpc } = this.running;
    if (this.cancel.signal.aborted) {
      // It was told to stop in the moment it became ready.
      await this.running.stop();
      throw new Error('stopped');
    }
    this.change({ state: 'ready', reason: '', pid, url, grpc });
    return Date.now();
  }

  private change(part: Partial<Omit<ServiceStatus, 'name'>>): void {
    const since =
      part.state === undefined || part.state === this.current.state
        ? this.current.since
        : new Date().toISOString();
    this.current = { ...this.current, ...part, since };
    this.emit('change', this.status);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
