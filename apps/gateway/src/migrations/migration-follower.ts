import type { Bus } from '@v3vee/bus';
import {
  isMigrationEnd,
  migrationSourceCalls,
  migrationTargetCalls,
  V3Error,
  type ErrorCode,
  type MigrationPhase,
  type MigrationProgress,
} from '@v3vee/contracts';
import type { VmMigrationEntity, VmMigrationRepository, VmRepository } from '@v3vee/store';
import type { PinoLogger } from 'nestjs-pino';
import type { PalaciosClient } from '../hosts/palacios-client';

/** After so long without a word its source is asked. */
const ASK_MS = 2_000;
const WRITE_MS = 500;
/** Between two attempts of what can't be done now. */
const AGAIN_MS = 500;

/** With these nobody knows whether the call was heard. */
const unsure: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'HOST_NOT_READY',
  'SERVICE_UNAVAILABLE',
  'TIMEOUT',
]);

export interface FollowerParts {
  bus: Pick<Bus, 'connected'>;
  palacios: PalaciosClient;
  rows: VmMigrationRepository;
  vms: VmRepository;
  log: PinoLogger;
  /** A source that answers nothing for so long is gone, ms. */
  silenceMs: number;
  /** After so long without an end that is sure, whoever waits for one is told, ms. */
  patienceMs: number;
}

/**
 * One migration from the gateway's side: its row follows what the source tells, to its end.
 *
 * A source that knows nothing of it, or is gone, tells no end. Then the target is made to abandon it, so that nobody can
 * swap the owner any more, and the owner in the store says what became of it. A target that can't be asked may still swap
 * it: until it can be, or the VM is at another epoch, the row stays open.
 */
export class MigrationFollower {
  /** Why it did not begin. */
  refusal: V3Error | undefined;
  /** Its row, ended. Rejects with the signal's reason: then the row stays open, for the next gateway. */
  readonly ended: Promise<VmMigrationEntity>;
  /** Resolves when its end can't be known for now, and may not be for long. */
  readonly unsure: Promise<void>;
  private doubt = (): void => undefined;
  private isBegun = Promise.resolve();
  private isWritten = true;
  private writing: Promise<void> | undefined;
  private heardAt = performance.now();
  private silentSince: number | undefined;
  private wake = (): void => undefined;

  /**
   * @param begin asks the source to begin it; none: it has begun
   * @param tell is called at each change, and last with the ended row, when that is written
   * @param signal stops it
   */
  constructor(
    private row: VmMigrationEntity,
    private readonly parts: FollowerParts,
    private readonly tell: (row: VmMigrationEntity) => void,
    private readonly signal: AbortSignal,
    begin?: () => Promise<unknown>,
  ) {
    this.unsure = new Promise(resolve => (this.doubt = resolve));
    if (begin) this.isBegun = this.begin(begin);
    this.ended = this.follow();
  }

  get now(): VmMigrationEntity {
    return this.row;
  }

  /** What a host says of it. */
  hear(progress: MigrationProgress, host: string): void {
    if (host !== this.row.source) return;
    this.heardAt = performance.now();
    this.take(progress);
  }

  /** Resolves when it has ended and the VM goes on where it was. @throws V3Error MIGRATION_TOO_LATE, HOST_NOT_READY */
  async cancel(): Promise<VmMigrationEntity> {
    await this.isBegun;
    if (!this.isOver) {
      const { id, source } = this.row;
      await this.parts.palacios
        .ask(migrationSourceCalls.cancel, source, { migrationId: id })
        .catch(thrown => {
          // Then the owner decides.
          if (V3Error.from(thrown).code !== 'MIGRATION_NOT_FOUND') throw thrown;
        });
      this.heardAt = -Infinity;
      this.wake();
    }
    return this.ended;
  }

  private get isOver(): boolean {
    return isMigrationEnd(this.row.progress.phase);
  }

  private async begin(begin: () => Promise<unknown>): Promise<void> {
    try {
      await begin();
    } catch (thrown) {
      const error = V3Error.from(thrown);
      if (this.signal.aborted || unsure.has(error.code)) return;
      this.refusal = error;
      this.close('FAILED', error.message);
    }
    this.heardAt = performance.now();
  }

  private async follow(): Promise<VmMigrationEntity> {
    const writer = setInterval(() => void this.write(), WRITE_MS);
    try {
      await this.isBegun;
      while (!this.isOver) {
        const left = this.heardAt + ASK_MS - performance.now();
        if (left > 0) await this.rest(left);
        else await this.ask();
      }
    } finally {
      clearInterval(writer);
      await this.writing;
      await this.write();
    }
    return this.writeEnd();
  }

  private async ask(): Promise<void> {
    const { id, source } = this.row;
    const { bus, palacios, silenceMs } = this.parts;
    const { signal } = this;
    this.heardAt = performance.now();
    try {
      this.take(await palacios.ask(migrationSourceCalls.progress, source, { migrationId: id }, { signal }));
      this.silentSince = undefined;
    } catch (thrown) {
      signal.throwIfAborted();
      const { code, message } = V3Error.from(thrown);
      if (code === 'MIGRATION_NOT_FOUND') return this.settle(message);
      // Cut off from everybody, this gateway knows nothing of the source.
      if (!bus.connected) this.silentSince = undefined;
      else this.silentSince ??= performance.now();
      if (performance.now() - (this.silentSince ?? Infinity) >= silenceMs) await this.settle(message);
    }
  }

  /** Its end, by the owner in the store. @param why its source does not tell it */
  private async settle(why: string): Promise<void> {
    const began = performance.now();
    // What comes from the source after all is better.
    while (!this.isOver && this.heardAt <= began) {
      try {
        if (await this.decide(why)) return;
        if (performance.now() - began > this.parts.patienceMs) this.giveNotice(why);
      } catch (error) {
        this.parts.log.warn(
          { err: error, migration: this.row.id },
          'the end of a migration is not known yet',
        );
      }
      await this.rest(AGAIN_MS);
    }
  }

  /** @returns whether it could be decided */
  private async decide(why: string): Promise<boolean> {
    const { vmId, vm: name, epoch, target } = this.row;
    const isAbandoned = await this.abandon();
    const vm = await this.parts.vms.get(vmId);
    if (this.isOver) return true;
    if (vm?.ownerHost === target) this.close('COMPLETED', `${target} has ${name}; ${why}`);
    else if (!vm) this.close('FAILED', `${name} was deleted; ${why}`);
    else if (isAbandoned || vm.epoch !== epoch) this.close('FAILED', `${vm.ownerHost} has ${name}; ${why}`);
    return this.isOver;
  }

  private giveNotice(why: string): void {
    const { source, target, progress } = this.row;
    const reason = `neither ${source} nor ${target} can be asked, and ${target} may still take it over; ${why}`;
    if (progress.reason !== reason) this.take({ ...progress, reason });
    this.doubt();
  }

  /** @returns whether its target surely does nothing for it any more */
  private async abandon(): Promise<boolean> {
    const { id, target } = this.row;
    const { signal } = this;
    try {
      await this.parts.palacios.ask(migrationTargetCalls.abandon, target, { migrationId: id }, { signal });
      return true;
    } catch (thrown) {
      signal.throwIfAborted();
      return V3Error.from(thrown).code === 'MIGRATION_TOO_LATE';
    }
  }

  private close(phase: MigrationPhase, reason: string): void {
    const { progress } = this.row;
    const phases = [...progress.phases, { phase, at: new Date().toISOString() }];
    this.take({ ...progress, phase, reason, phases });
  }

  private take(progress: MigrationProgress): void {
    if (this.isOver) return;
    this.row = { ...this.row, progress };
    this.isWritten = false;
    if (this.isOver) this.wake();
    else this.tell(this.row);
  }

  private async write(): Promise<void> {
    if (this.isWritten || this.isOver || this.writing) return;
    this.isWritten = true;
    const { id, progress } = this.row;
    this.writing = this.parts.rows.progress(id, progress).catch((error: unknown) => {
      this.isWritten = false;
      this.parts.log.warn({ err: error, migration: id }, 'the progress of a migration was not written');
    });
    await this.writing;
    this.writing = undefined;
  }

  private async writeEnd(): Promise<VmMigrationEntity> {
    for (;;) {
      try {
        const { id, progress } = this.row;
        this.row = (await this.parts.rows.end(id, progress)) ?? { ...this.row, endedAt: new Date() };
        this.tell(this.row);
        return this.row;
      } catch (error) {
        this.parts.log.warn(
          { err: error, migration: this.row.id },
          'the end of a migration was not written yet',
        );
        await this.rest(AGAIN_MS);
      }
    }
  }

  /** Until it is over, is woken, or has rested long enough. @throws the signal's reason */
  private rest(ms: number): Promise<void> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
      const abort = () => {
        stop();
        reject(V3Error.from(signal.reason));
      };
      this.wake = () => {
        stop();
        resolve();
      };
      const timer = setTimeout(this.wake, ms);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
    });
  }
}
