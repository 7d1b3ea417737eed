import type { Stoppable } from '@v3vee/bus';
import {
  migrationSourceCalls,
  migrationTargetCalls,
  V3Error,
  type MigrationProgress,
} from '@v3vee/contracts';
import { Incoming, type IncomingParts } from './incoming';
import { Outgoing } from './outgoing';

/** How long one that has ended is still known: who asks late, or again, is answered. */
const KEPT_MS = 10 * 60_000;

/** The migrations that this host sends and receives. Those of different VMs may be under way at the same time. */
export class Migrations {
  readonly #outgoing = new Map<string, { migration: Outgoing; begun: Promise<void> }>();
  readonly #incoming = new Map<string, Incoming>();
  readonly #served: Stoppable[];

  constructor(private readonly parts: IncomingParts) {
    const { bus, host } = parts;
    this.#served = [
      bus.serve(migrationSourceCalls.migrate, host, async request => {
        await this.#begin(request.migrationId, () => new Outgoing(request, parts));
        return {};
      }),
      bus.serve(migrationSourceCalls.progress, host, ({ migrationId }) => this.#sent(migrationId).progress),
      bus.serve(migrationSourceCalls.cancel, host, async ({ migrationId }) => {
        await this.#sent(migrationId).cancel();
        return {};
      }),
      bus.serve(migrationTargetCalls.prepare, host, request => {
        const { migrationId } = request;
        const known = this.#incoming.get(migrationId);
        if (known) return known.prepare();
        const incoming = new Incoming(request, parts);
        this.#incoming.set(migrationId, incoming);
        this.#forgetLater(() => incoming.hasEnded && this.#incoming.delete(migrationId));
        return incoming.prepare();
      }),
      bus.serve(migrationTargetCalls.complete, host, ({ migrationId, ...request }) =>
        this.#received(migrationId).complete(request),
      ),
      bus.serve(migrationTargetCalls.known, host, ({ migrationId }) => this.#received(migrationId).known()),
      bus.serve(migrationTargetCalls.abandon, host, async ({ migrationId }) => {
        await this.#incoming.get(migrationId)?.abandon();
        return {};
      }),
    ];
  }

  /** No new ones; those under way end, one way or the other. */
  async stop(): Promise<void> {
    for (const served of this.#served) served.stop();
    const outgoing = [...this.#outgoing.values()].map(({ migration }) => migration);
    await Promise.all([...outgoing, ...this.#incoming.values()].map(each => each.stop()));
  }

  /** Of each VM its latest move away that is known. */
  leaving(): { vm: string; progress: MigrationProgress }[] {
    const latest = new Map<string, MigrationProgress>();
    for (const { migration } of this.#outgoing.values()) {
      const { vm } = migration;
      if (vm !== undefined) latest.set(vm, migration.progress);
    }
    return [...latest].map(([vm, progress]) => ({ vm, progress }));
  }

  async #begin(id: string, make: () => Outgoing): Promise<void> {
    const known = this.#outgoing.get(id);
    if (known) return known.begun;
    const migration = make();
    const begun = migration.begin();
    this.#outgoing.set(id, { migration, begun });
    try {
      await begun;
      this.#forgetLater(() => migration.hasEnded && this.#outgoing.delete(id));
    } catch (thrown) {
      this.#outgoing.delete(id);
      throw thrown;
    }
  }

  /** @param forget says whether it has */
  #forgetLater(forget: () => boolean): void {
    setTimeout(() => forget() || this.#forgetLater(forget), KEPT_MS).unref();
  }

  #sent(id: string): Outgoing {
    const known = this.#outgoing.get(id);
    if (known) return known.migration;
    throw unknown(id, this.parts.host);
  }

  #received(id: string): Incoming {
    const known = this.#incoming.get(id);
    if (known) return known;
    throw unknown(id, this.parts.host);
  }
}

const unknown = (id: string, host: string) =>
  new V3Error('MIGRATION_NOT_FOUND', `palacios on ${host} knows nothing of migration ${id}`);
