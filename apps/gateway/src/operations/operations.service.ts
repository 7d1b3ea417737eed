import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { V3Error } from '@v3vee/contracts';
import { OperationRepository, RequestRepository, type OperationEntity } from '@v3vee/store';
import { ATTRIBUTE, inSpan } from '@v3vee/tracing';
import { PinoLogger } from 'nestjs-pino';
import { DataSource, type EntityManager } from 'typeorm';
import type { Caller } from '../http/endpoint';
import { asV3Error, publicProblem } from '../http/public-error';
import { GatewayMetrics } from '../metrics';

/** What a running operation may use. */
export interface OperationContext {
  id: string;
  /** Fires when the gateway stops; its reason is the error to fail with. */
  signal: AbortSignal;
  /** Tells whoever looks what is being done now; as data, too, where the verb has such. */
  progress(text: string, metadata?: object): Promise<void>;
  /** Takes a resource until the operation ends. @throws V3Error VM_BUSY, CLUSTER_BUSY */
  lock(lock: Lock): Promise<void>;
}

/** What one operation at a time may hold. */
export interface Lock {
  /** `vms/<id>` or `cluster`. */
  resource: string;
  /** What people call it. */
  name: string;
}

export interface OperationRequest {
  /** Chosen by the caller of `begin` only where others must know it beforehand. */
  id?: string;
  verb: string;
  /** For example `vms/a1`. */
  target: string;
  caller: Caller;
  /** What it holds for itself alone. */
  locks: Lock[];
  /** Under the locks, in the transaction that enters the operation: throw, and it was never begun. */
  check?: (manager: EntityManager) => Promise<void>;
  /** In the background. @returns the resource that clients get as `response` */
  work: (context: OperationContext) => Promise<object>;
}

const DAY_MS = 86_400_000;
/** For how long ended operations, and migrations, can be looked up. */
export const KEPT_MS = 30 * DAY_MS;

/**
 * Runs what takes long in the background and keeps its progress and outcome in the store (AIP-151). An
 * operation belongs to this process: when the gateway stops or is restarted, its unfinished operations have
 * failed, and the resources show what really became of them.
 */
@Injectable()
export class OperationsService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly ended = new EventEmitter().setMaxListeners(0);
  private readonly running = new Set<Promise<unknown>>();
  private readonly stopping = new AbortController();
  private recover = () => {};
  /** Those that an earlier process left have ended: nothing that is unfinished is anybody else's. */
  readonly recovered = new Promise<void>(resolve => (this.recover = resolve));
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly dataSource: DataSource,
    private readonly operations: OperationRepository,
    private readonly requests: RequestRepository,
    private readonly metrics: GatewayMetrics,
    private readonly log: PinoLogger,
  ) {
    log.setContext(OperationsService.name);
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const { id, verb, target } of await this.operations.unfinished()) {
      const detail = `the gateway was restarted during ${verb} of ${target}; look at ${target} for its true state`;
      await this.operations.end(id, { error: new V3Error('SERVICE_UNAVAILABLE', detail).toProblem() });
      this.metrics.operationEnded(verb, 'SERVICE_UNAVAILABLE');
    }
    this.recover();
    const sweep = () =>
      this.operations
        .removeEndedBefore(new Date(Date.now() - KEPT_MS))
        .catch(error => this.log.warn({ err: error }, 'old operations were not removed'));
    await sweep();
    this.sweeper = setInterval(() => void sweep(), DAY_MS).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.sweeper);
    this.stopping.abort(new V3Error('SERVICE_UNAVAILABLE', 'the gateway stopped meanwhile'));
    await Promise.all(this.running);
  }

  get(id: string): Promise<OperationEntity | null> {
    return this.operations.get(id);
  }

  /** Enters an operation and starts its work. @throws V3Error VM_BUSY, CLUSTER_BUSY, and what `check` throws */
  async begin(request: OperationRequest): Promise<OperationEntity> {
    return (await this.enter(request)).operation;
  }

  /** For what is quick but must not run beside another operation. @returns its result */
  async run<T extends object>(request: OperationRequest & { work: () => Promise<T> }): Promise<T> {
    const { outcome } = await this.enter({
      ...request,
      caller: { ...request.caller, requestId: undefined },
    });
    const result = await outcome;
    if (result instanceof Error) throw result;
    return result as T;
  }

  /** The operation when it has ended, or as it is when the time is over. */
  async wait(id: string, timeoutMs: number): Promise<OperationEntity | null> {
    // Listen before looking: it may end in between.
    const waiting = this.untilEnd(id, timeoutMs);
    try {
      const now = await this.operations.get(id);
      if (!now || now.done) return now;
      await waiting.over;
      return await this.operations.get(id);
    } finally {
      waiting.stop();
    }
  }

  /** @param except the operation that may hold it @throws V3Error VM_BUSY, CLUSTER_BUSY */
  async assertFree(lock: Lock, except?: string): Promise<void> {
    const holder = await this.operations.holder(lock.resource);
    if (holder && holder.id !== except) throw busy(lock, holder);
  }

  private untilEnd(id: string, timeoutMs: number): { over: Promise<void>; stop: () => void } {
    let stop = () => {};
    const over = new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeoutMs);
      this.ended.once(id, resolve);
      stop = () => {
        clearTimeout(timer);
        this.ended.off(id, resolve);
      };
    });
    return { over, stop };
  }

  private async enter(
    request: OperationRequest,
  ): Promise<{ operation: OperationEntity; outcome: Promise<object | Error> }> {
    this.stopping.signal.throwIfAborted();
    const { id = randomUUID(), verb, target, caller } = request;
    const operation = await this.dataSource.transaction(async manager => {
      const entered = await this.operations.insert({ id, verb, target, actor: caller.actor }, manager);
      for (const lock of request.locks) await this.lock(id, lock, manager);
      await request.check?.(manager);
      if (caller.requestId !== undefined) await this.requests.bind(caller.requestId, id, manager);
      return entered;
    });
    const outcome = this.perform(operation, request.work);
    this.running.add(outcome);
    void outcome.finally(() => this.running.delete(outcome));
    return { operation, outcome };
  }

  private async lock(id: string, lock: Lock, manager?: EntityManager): Promise<void> {
    const holder = await this.operations.lock(id, lock.resource, manager);
    if (holder === id) return;
    const { verb = 'another one' } = (await this.operations.get(holder, manager)) ?? {};
    throw busy(lock, { id: holder, verb });
  }

  /** Never rejects: a failure is the operation's outcome. */
  private async perform(
    { id, verb, target }: OperationEntity,
    work: OperationRequest['work'],
  ): Promise<object | Error> {
    const context: OperationContext = {
      id,
      signal: this.stopping.signal,
      progress: (text, metadata) => this.operations.progress(id, text, metadata),
      lock: lock => this.lock(id, lock),
    };
    const attributes = { [ATTRIBUTE.operation]: id, [ATTRIBUTE.verb]: verb, [ATTRIBUTE.target]: target };
    const result = await inSpan(`operation ${verb}`, { attributes }, () => work(context)).catch(
      (thrown: unknown) => asV3Error(thrown),
    );
    try {
      if (result instanceof V3Error) {
        const error = publicProblem(result, (err, incident) =>
          this.log.error({ err, incident, operation: id }, `${verb} of ${target} failed unexpectedly`),
        );
        await this.operations.end(id, { error });
        this.metrics.operationEnded(verb, result.code);
      } else {
        await this.operations.end(id, { response: result });
        this.metrics.operationEnded(verb, 'OK');
      }
    } catch (error) {
      // Without the store there is nowhere to write to; at its next start the gateway ends what was left.
      this.log.error({ err: error, operation: id }, `the outcome of ${verb} of ${target} was not recorded`);
    }
    this.ended.emit(id);
    return result;
  }
}

const busy = ({ resource, name }: Lock, { id, verb }: { id: string; verb: string }) =>
  new V3Error(
    resource === 'cluster' ? 'CLUSTER_BUSY' : 'VM_BUSY',
    `${name} is busy with operation ${id} (${verb}); wait for it to end`,
  );
