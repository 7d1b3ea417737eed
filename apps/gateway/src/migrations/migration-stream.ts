import type { Stoppable } from '@v3vee/bus';
import type { Migration } from '@v3vee/contracts';
import type { Writable } from 'node:stream';
import { ClientStream, jsonLines } from '../streams/client-stream';

export interface MigrationStreamOptions {
  out: Writable;
  /** How it is now. @throws V3Error MIGRATION_NOT_FOUND */
  look: () => Promise<Migration>;
  /** Tells each change. */
  listen: (tell: (migration: Migration) => void) => Stoppable;
  maxUnread?: number;
}

/**
 * A migration as JSON lines: as it is now, then at each change, until it has ended. A client that reads slowly misses
 * some of what is between, never the end. When the gateway stops, no line says that it has ended, for it has not.
 */
export class MigrationStream extends ClientStream<Migration, Migration> {
  constructor(private readonly options: MigrationStreamOptions) {
    super(options, options.listen);
  }

  protected async begin(): Promise<void> {
    this.write(await this.options.look());
  }

  protected decode(migration: Migration): Migration[] {
    if (migration.endedAt === null) return [migration];
    this.write(migration);
    return [];
  }

  protected encode(migrations: Migration[]): string {
    return jsonLines(migrations);
  }

  private write(migration: Migration): void {
    this.out.write(jsonLines([migration]));
    if (migration.endedAt !== null) this.finish();
  }

  protected farewell(): void {}
  protected leave(): void {}
}
