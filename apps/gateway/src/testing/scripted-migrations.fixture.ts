import type { Bus, Stoppable } from '@v3vee/bus';
import {
  isMigrationEnd,
  migrationChanged,
  migrationSourceCalls,
  migrationTargetCalls,
  V3Error,
  type MigrationPhase,
  type MigrationProgress,
} from '@v3vee/contracts';
import { VmRepository, VmStatusRepository } from '@v3vee/store';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import type { ScriptedHost } from './scripted-host.fixture';

type Request = z.output<typeof migrationSourceCalls.migrate.request>;
type Expected = z.output<typeof migrationTargetCalls.prepare.request>;

/** What a host knows of a migration that it sends. */
interface Sent {
  request: Request;
  progress: MigrationProgress;
  isCancelled: boolean;
  /** Lets it go on from where it is held. */
  release: () => void;
}

const ROUND = { pages: 100, bytes: 200_000, durationMs: 50, dirtyPagesPerSecond: 20, throttle: 0 };

/**
 * Migrations of a scripted host, at the protocol's boundary: the source goes through the phases and tells them, the
 * target swaps the owner in the store and says that the guest runs. No memory is copied.
 */
export class ScriptedMigrations {
  readonly sent = new Map<string, Sent>();
  /** Of each that was asked to be abandoned here. */
  readonly abandoned: string[] = [];
  /** In these phases they stay until they are released. */
  readonly holds = new Set<MigrationPhase>();
  /** What the source answers when it is to begin one. */
  refusal: V3Error | undefined;
  /** What the target answers to `complete`. */
  incomplete: V3Error | undefined;
  /** It goes through the phases but tells nobody. */
  isMute = false;
  private readonly vms: VmRepository;
  private readonly statuses: VmStatusRepository;
  /** What it was to receive, and what it got. */
  private readonly expected = new Map<string, Expected>();
  private readonly owned = new Set<string>();
  /** Another process than before knows nothing of its work. */
  private life = 0;

  constructor(
    private readonly bus: Bus,
    dataSource: DataSource,
    private readonly host: ScriptedHost,
  ) {
    this.vms = new VmRepository(dataSource);
    this.statuses = new VmStatusRepository(dataSource);
  }

  serve(): Stoppable[] {
    const { name } = this.host;
    return [
      this.bus.serve(migrationSourceCalls.migrate, name, request => this.begin(request)),
      this.bus.serve(
        migrationSourceCalls.progress,
        name,
        ({ migrationId }) => this.known(migrationId).progress,
      ),
      this.bus.serve(migrationSourceCalls.cancel, name, ({ migrationId }) => this.cancel(migrationId)),
      this.bus.serve(migrationTargetCalls.prepare, name, request => {
        this.expected.set(request.migrationId, request);
        return { template: request.template };
      }),
      this.bus.serve(migrationTargetCalls.complete, name, ({ migrationId }) => this.complete(migrationId)),
      this.bus.serve(migrationTargetCalls.abandon, name, ({ migrationId }) => {
        this.abandoned.push(migrationId);
        if (this.owned.has(migrationId)) throw new V3Error('MIGRATION_TOO_LATE', 'it is ours');
        return {};
      }),
    ];
  }

  /** As another process that knows of none. */
  forget(): void {
    this.life++;
    this.sent.clear();
    this.expected.clear();
    this.owned.clear();
  }

  /** Goes on with the one that is held. */
  release(): void {
    this.holds.clear();
    for (const sent of this.sent.values()) sent.release();
  }

  /** The only one. */
  get last(): Sent {
    const last = [...this.sent.values()].at(-1);
    if (!last) throw new Error(`${this.host.name} sends nothing`);
    return last;
  }

  /** Of the only one; undefined as long as there is none. */
  get phase(): MigrationProgress['phase'] | undefined {
    return [...this.sent.values()].at(-1)?.progress.phase;
  }

  tell(id: string, change: Partial<MigrationProgress>): void {
    const sent = this.known(id);
    sent.progress = { ...sent.progress, ...change };
    if (!this.isMute) {
      this.bus.announce(migrationChanged, this.host.name, { migrationId: id, progress: sent.progress });
    }
  }

  private begin(request: Request): Record<string, never> {
    if (this.refusal) throw this.refusal;
    const { migrationId } = request;
    if (this.sent.has(migrationId)) return {};
    this.sent.set(migrationId, {
      ...{ request, isCancelled: false, release: () => undefined },
      progress: {
        ...{ phase: 'PREPARING', reason: 'the target makes room', phases: [], memoryPages: 16_384 },
        ...{ bytesSent: 0, pagesSent: 0, pagesLeft: 16_384, rounds: [] },
        ...{ predictedDowntimeMs: null, downtimeMs: null },
      },
    });
    void this.run(request, this.life).catch((error: Error) => {
      // What failed after its process was gone nobody hears of.
      if (this.sent.has(migrationId)) this.enter(migrationId, 'FAILED', { reason: error.message });
    });
    return {};
  }

  private async run({ migrationId: id, target, ...request }: Request, life: number): Promise<void> {
    const phase = async (name: MigrationPhase, change: Partial<MigrationProgress> = {}) => {
      this.enter(id, name, { reason: `in ${name}`, ...change });
      const sent = this.known(id);
      if (this.holds.has(name)) await new Promise<void>(resolve => (sent.release = resolve));
      if (life !== this.life) throw new Error('its process is gone');
      return sent.isCancelled;
    };
    if (await phase('PREPARING')) return this.enter(id, 'CANCELLED');
    const source = this.host.name;
    const essence = { engineVersion: '1', imageDigest: 'i', template: null };
    await this.bus.call(migrationTargetCalls.prepare, target, {
      ...request,
      ...essence,
      migrationId: id,
      source,
    });
    const rounds = [{ ...ROUND, pages: 900 }, ROUND, ROUND];
    const copied = {
      bytesSent: 4_400_000,
      pagesSent: 1_100,
      pagesLeft: 100,
      rounds,
      predictedDowntimeMs: 28,
    };
    if (await phase('COPYING', copied)) return this.enter(id, 'CANCELLED');
    if (await phase('STOPPED')) return this.enter(id, 'CANCELLED');
    await phase('SWITCHING');
    const all = { migrationId: id, pages: 1_100, paused: false, stoodStillMs: 20 };
    await this.bus.call(migrationTargetCalls.complete, target, all);
    await phase('COMPLETED', { reason: `moved to ${target}`, pagesLeft: 0, downtimeMs: 31 });
  }

  private async complete(id: string): Promise<{ epoch: number }> {
    if (this.incomplete) throw this.incomplete;
    const { vmId, source: from, epoch, cards } = this.expected.get(id) as Expected;
    const devices = new Map(cards.map(({ nic, device }) => [nic, device]));
    const before = await this.statuses.get(vmId);
    const moved = await this.vms.swapOwner(vmId, { from, epoch, to: this.host.name }, devices);
    if (!moved) throw new V3Error('MIGRATION_FAILED', 'the VM is another one’s by now');
    this.owned.add(id);
    await this.host.put(vmId, before?.state ?? 'RUNNING');
    return { epoch: moved.epoch };
  }

  private cancel(id: string): Record<string, never> {
    const sent = this.known(id);
    if (sent.progress.phase === 'COMPLETED' || sent.progress.phase === 'SWITCHING') {
      throw new V3Error('MIGRATION_TOO_LATE', 'it has been handed over');
    }
    sent.isCancelled = true;
    sent.release();
    return {};
  }

  private enter(id: string, phase: MigrationPhase, change: Partial<MigrationProgress> = {}): void {
    const { progress } = this.known(id);
    if (isMigrationEnd(progress.phase)) return;
    const phases = [...progress.phases, { phase, at: new Date().toISOString() }];
    const reason = phase === 'CANCELLED' ? 'the migration was cancelled' : progress.reason;
    this.tell(id, { reason, ...change, phase, phases });
  }

  private known(id: string): Sent {
    const sent = this.sent.get(id);
    if (sent) return sent;
    throw new V3Error('MIGRATION_NOT_FOUND', `${this.host.name} knows nothing of migration ${id}`);
  }
}
