import { setTimeout as delay } from 'node:timers/promises';
import { abortable, type Bus } from '@v3vee/bus';
import {
  migrationChanged,
  migrationTargetCalls,
  rawSubjects,
  V3Error,
  type migrationSourceCalls,
  type MigrationProgress,
} from '@v3vee/contracts';
import type { OutgoingCopy } from '@v3vee/machine';
import type { VmDefinition, VmRepository } from '@v3vee/store';
import { ATTRIBUTE, beginSpan, type OpenSpan } from '@v3vee/tracing';
import type { z } from 'zod';
import type { Consoles } from '../console/consoles';
import type { Fleet } from '../lifecycle/fleet';
import type { Log, Machines } from '../lifecycle/ports';
import type { Leaving } from '../lifecycle/vm';
import { handOver, swapOwner, type SourceEnd, type SourceState, type SourceSteps } from './handover';
import { PageSender } from './page-sender';
import { Progress } from './progress';
import { endMigrationSpan } from './migration-span';
import { afterRound, dirtyPagesPerSecond, predictedDowntimeMs, type RoundFigures } from './stop-rule';

/** The other end takes a message in within milliseconds. */
const MESSAGE_MS = 10_000;
/** Done within some tens of ms. The guest stands still meanwhile, and to ask the store instead is always right. */
const COMPLETE_MS = 5_000;
/** Unless `againMs` says otherwise. */
export const AGAIN_MS = 250;

export interface MigrationParts {
  bus: Pick<Bus, 'announce' | 'call' | 'requestRaw' | 'serve' | 'serveRaw'>;
  host: string;
  fleet: Fleet;
  machines: Machines;
  vms: Pick<VmRepository, 'get' | 'swapOwner'>;
  consoles: Pick<Consoles, 'forget'>;
  log: Log;
  /** Between two attempts to ask the store, ms. */
  againMs?: number;
}

/** The source's end of one migration; what it does when is in `handover.ts`. */
export class Outgoing implements SourceSteps {
  #progress: Progress | undefined;
  #leaving!: Leaving;
  #copy: OutgoingCopy | undefined;
  #throttle = 0;
  #state: SourceState = 'preparing';
  readonly #sender: PageSender;
  readonly #abort = new AbortController();
  readonly #stop = new AbortController();
  #ended: Promise<void> = Promise.resolve();
  #end: SourceEnd | undefined;
  /** How long the guest had stood still when the target was asked to complete; of a paused one that is not told. */
  #stoodStillMs: number | undefined;
  /** From when it holds the VM to its end. */
  #span: OpenSpan | undefined;

  constructor(
    private readonly request: z.output<typeof migrationSourceCalls.migrate.request>,
    private readonly parts: MigrationParts,
  ) {
    const { bandwidthMiBps } = request.options;
    const subject = rawSubjects.migration(request.target, request.migrationId);
    this.#sender = new PageSender({
      send: message =>
        parts.bus.requestRaw(subject, message, { timeoutMs: MESSAGE_MS, signal: this.#abort.signal }),
      bytesPerSecond: bandwidthMiBps === undefined ? undefined : bandwidthMiBps * (1 << 20),
      onSent: (pages, bytes) => this.#progress?.sent(pages, bytes),
    });
  }

  /** Resolves when the VM is held for it. @throws V3Error what `Fleet.leave` throws, MIGRATION_BLOCKED */
  async begin(): Promise<void> {
    const { vmId, epoch, target } = this.request;
    const { fleet, host } = this.parts;
    const { definition } = await fleet.get(vmId);
    if (definition.epoch !== epoch) {
      const is = `VM ${definition.name} is at epoch ${definition.epoch} on ${host}`;
      throw new V3Error('MIGRATION_BLOCKED', `${is}, not at ${epoch}`);
    }
    await new Promise<void>((resolve, reject) => {
      const left = fleet.leave(vmId, target, leaving => {
        this.#span = this.#beginSpan(leaving);
        resolve();
        return this.#span.run(() => this.#run(leaving));
      });
      this.#ended = left.then(() => this.#finish(), reject);
    });
  }

  #beginSpan({ definition }: Leaving): OpenSpan {
    const { migrationId, target } = this.request;
    const attributes = {
      [ATTRIBUTE.migration]: migrationId,
      [ATTRIBUTE.vm]: definition.name,
      [ATTRIBUTE.from]: this.parts.host,
      [ATTRIBUTE.to]: target,
    };
    return beginSpan('migration', { attributes });
  }

  /** The VM's name; undefined: it has not begun yet. */
  get vm(): string | undefined {
    return this.#progress && this.#leaving.definition.name;
  }

  get hasEnded(): boolean {
    return this.#progress?.ended ?? false;
  }

  /** @throws V3Error MIGRATION_NOT_FOUND: it has not begun yet */
  get progress(): MigrationProgress {
    if (this.#progress) return this.#progress.now;
    throw new V3Error('MIGRATION_NOT_FOUND', `migration ${this.request.migrationId} has not begun`);
  }

  /** Resolves when the guest goes on here. @throws V3Error MIGRATION_TOO_LATE, SERVICE_UNAVAILABLE */
  async cancel(): Promise<void> {
    this.#abort.abort(new V3Error('MIGRATION_CANCELLED', 'the migration was cancelled'));
    await this.#ended;
    const { phase } = this.progress;
    if (phase === 'COMPLETED') {
      const { target } = this.request;
      throw new V3Error(
        'MIGRATION_TOO_LATE',
        `${this.#leaving.definition.name} has been handed over to ${target}`,
      );
    }
    if (phase !== 'CANCELLED' && phase !== 'FAILED') throw shuttingDown(this.parts.host);
  }

  /** This Palacios ends: what can be abandoned is; what can't be known is left to the next incarnation. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#abort.abort(shuttingDown(this.parts.host));
    await this.#ended;
  }

  async #run(leaving: Leaving): Promise<boolean> {
    const { bus, host } = this.parts;
    const { migrationId } = this.request;
    const { machine, definition } = leaving;
    this.#leaving = leaving;
    this.#progress = new Progress(definition.memoryMiB, progress =>
      bus.announce(migrationChanged, host, { migrationId, progress }),
    );
    void machine.ended.then(({ detail }) => {
      // One that has been copied whole is not needed any more.
      if (this.#state === 'switching' || this.#state === 'doubt') return;
      this.#abort.abort(new V3Error('GUEST_FAILED', `the guest ended meanwhile: ${detail}`));
    });
    this.#end = await handOver(this);
    if (this.#end.at === 'there') {
      machine.forward(this.request.target);
      await this.#untilKnown();
    }
    if (this.#end.at !== 'here') return false;
    await this.#stay(this.#end);
    return true;
  }

  /** Frames come here, and are forwarded, for as long as other hosts have not heard where the guest is. */
  async #untilKnown(): Promise<void> {
    const { migrationId, target } = this.request;
    const { signal } = this.#stop;
    const stoodStillMs = this.#stoodStillMs;
    try {
      const { tookMs } = await this.parts.bus.call(
        migrationTargetCalls.known,
        target,
        { migrationId },
        { signal },
      );
      if (stoodStillMs !== undefined) this.#progress?.update({ downtimeMs: stoodStillMs + tookMs });
    } catch {
      // It went on, and nobody says when.
    }
  }

  async #stay({ why, reclaimed }: Extract<SourceEnd, { at: 'here' }>): Promise<void> {
    const { machine } = this.#leaving;
    void this.#abandon();
    await this.#copy?.stop().catch(thrown => {
      const error = V3Error.from(thrown).message;
      this.parts.log.warn({ vm: this.request.vmId, error }, 'the copy of a guest could not be ended');
    });
    if (this.#throttle > 0) await machine.throttle(0).catch(() => undefined);
    const { target } = this.request;
    const reason =
      why.code === 'MIGRATION_CANCELLED' ? why.message : `did not move to ${target}: ${why.message}`;
    await this.#leaving.goOn(reason, reclaimed);
  }

  /** The VM is let go: whoever hears of the end can go on with it. */
  #finish(): void {
    const progress = this.#progress as Progress;
    const span = this.#span as OpenSpan;
    span.run(() => this.#conclude(progress));
    endMigrationSpan(span, progress.now);
  }

  #conclude(progress: Progress): void {
    const { host, log, consoles } = this.parts;
    const { target, vmId } = this.request;
    const end = this.#end as SourceEnd;
    const vm = this.#leaving.definition.name;
    if (end.at === 'here') {
      progress.enter(end.why.code === 'MIGRATION_CANCELLED' ? 'CANCELLED' : 'FAILED', end.why.message);
      log.warn({ vm, target, why: end.why.message }, 'a VM did not move');
      return;
    }
    consoles.forget(vmId);
    if (end.at === 'there') {
      progress.enter('COMPLETED', `moved to ${target}`, { pagesLeft: 0 });
      const { downtimeMs, bytesSent } = progress.now;
      log.info({ vm, target, downtimeMs, bytesSent }, 'a VM moved');
      return;
    }
    progress.update({ reason: `palacios on ${host} ended while the store did not say whose the VM is` });
  }

  /** So that it need not wait until it is sure that nobody comes. */
  async #abandon(): Promise<void> {
    const { migrationId, target } = this.request;
    await this.parts.bus.call(migrationTargetCalls.abandon, target, { migrationId }).catch(() => undefined);
  }

  // ---- steps ------------------------------------------------------------------------------------------------

  entered(state: SourceState, why?: V3Error): void {
    this.#state = state;
    if (state === 'doubt') {
      this.#progress?.enter('SWITCHING', `the store is asked whose the VM is: ${why?.message}`);
    }
  }

  async preparing(): Promise<void> {
    const { bus, host, machines } = this.parts;
    const { target, options, cards, migrationId, vmId, epoch } = this.request;
    const { definition, machine } = this.#leaving;
    const { template, ...essence } = await machines.essence(definition);
    const answer = await bus.call(
      migrationTargetCalls.prepare,
      target,
      {
        ...essence,
        migrationId,
        vmId,
        epoch,
        source: host,
        cards,
        options,
        template: template?.digest ?? null,
      },
      { signal: this.#abort.signal },
    );
    if (answer.template !== null && answer.template !== template?.digest) {
      throw new V3Error('MIGRATION_FAILED', `${target} has a template that ${host} has not`);
    }
    const base = answer.template === null ? undefined : template?.memory;
    this.#copy = await this.#unlessAborted(machine.copyOut(base));
  }

  async copying(): Promise<void> {
    const { options } = this.request;
    if (options.mode === 'stop-and-copy') return;
    this.#progress?.enter('COPYING', 'the guest runs while its memory is copied');
    const late = setTimeout(() => {
      const { timeoutSeconds } = options;
      this.#abort.abort(
        new V3Error(
          'MIGRATION_FAILED',
          `after ${timeoutSeconds} s the guest still changed its memory too fast`,
        ),
      );
    }, options.timeoutSeconds * 1_000).unref();
    try {
      await this.#rounds();
    } finally {
      clearTimeout(late);
    }
  }

  async #rounds(): Promise<void> {
    const rounds: RoundFigures[] = [];
    for (;;) {
      const figures = await this.#round(rounds);
      const verdict = afterRound(rounds, this.#throttle, this.request.options);
      if (verdict.do === 'stop') {
        this.#progress?.update({ reason: `${verdict.why} (${figures.pages} pages in the last round)` });
        return;
      }
      if (verdict.throttle === this.#throttle) continue;
      this.#throttle = verdict.throttle;
      await this.#unlessAborted(this.#leaving.machine.throttle(verdict.throttle));
    }
  }

  async #round(rounds: RoundFigures[]): Promise<RoundFigures> {
    const sender = this.#sender;
    const began = performance.now();
    const bytes = sender.bytes;
    const copy = this.#copy as OutgoingCopy;
    const { pages, scanMs } = await copy.round(batch => sender.deliver(batch), this.#abort.signal);
    await sender.drain();
    const durationMs = performance.now() - began;
    const figures = { pages, scanMs, durationMs, pageMs: sender.pageMs };
    rounds.push(figures);
    this.#progress?.round(
      {
        pages,
        bytes: sender.bytes - bytes,
        durationMs,
        dirtyPagesPerSecond: dirtyPagesPerSecond(rounds),
        throttle: this.#throttle,
      },
      predictedDowntimeMs(rounds),
    );
    return figures;
  }

  async stopping(): Promise<void> {
    this.#abort.signal.throwIfAborted();
    const why = this.progress.phase === 'COPYING' ? this.progress.reason : 'stop and copy';
    this.#progress?.enter('STOPPED', why);
    await this.#leaving.standStill();
    await this.#leaving.machine.releaseDisks();
    const sender = this.#sender;
    sender.hurry();
    const copy = this.#copy as OutgoingCopy;
    const pages = await copy.finish(
      batch => sender.deliver(batch),
      head => sender.head(head),
    );
    // The target counts them when it is to complete.
    await sender.flush();
    this.#progress?.update({ pagesLeft: pages });
  }

  async switching(): Promise<void> {
    const { bus } = this.parts;
    const { migrationId, target } = this.request;
    const { machine, paused } = this.#leaving;
    this.#progress?.enter('SWITCHING', `${target} takes it over`);
    const stoodStillMs = machine.stoodStillMs();
    this.#stoodStillMs = paused ? undefined : stoodStillMs;
    await bus.call(
      migrationTargetCalls.complete,
      target,
      { migrationId, pages: this.#sender.delivered, paused, stoodStillMs },
      { timeoutMs: COMPLETE_MS, signal: this.#abort.signal },
    );
  }

  reclaim(): Promise<VmDefinition | null> {
    const { vms, host } = this.parts;
    const { vmId, epoch } = this.request;
    return swapOwner(vms, vmId, { from: host, epoch, to: host });
  }

  again(): Promise<boolean> {
    return pause(this.parts.againMs ?? AGAIN_MS, this.#stop.signal);
  }

  #unlessAborted<T>(promise: Promise<T>): Promise<T> {
    return abortable(promise, this.#abort.signal);
  }
}

/** True some time later, or false at once when it is to end. */
export const pause = (ms: number, ending: AbortSignal): Promise<boolean> =>
  delay(ms, true, { signal: ending }).catch(() => false);

const shuttingDown = (host: string) =>
  new V3Error('SERVICE_UNAVAILABLE', `palacios on ${host} is shutting down`);
