import { migration, migrationWatchPath, V3Error, type Migration } from '@v3vee/contracts';
import type { Client } from './client';
import { openLineStream, type LineStream } from './line-stream';

/**
 * A migration as it is now, then at each change; the last line has `endedAt`, unless the gateway stops before.
 * @throws V3Error MIGRATION_NOT_FOUND; SERVICE_UNAVAILABLE when the gateway cannot be reached
 */
export function watchMigration(client: Client, id: string): Promise<LineStream<Migration>> {
  return openLineStream(client, migrationWatchPath(id), {}, { what: 'migration', schema: migration });
}

/**
 * Follows a migration to its end, also while the gateway is restarted.
 * @returns it as it ended
 * @throws V3Error MIGRATION_NOT_FOUND; SERVICE_UNAVAILABLE when the gateway stays away; the signal's reason
 */
export async function followMigration(
  client: Client,
  id: string,
  { signal, onChange }: { signal?: AbortSignal; onChange?: (migration: Migration) => void } = {},
): Promise<Migration> {
  for (;;) {
    try {
      const ended = await watchToEnd(await watchMigration(client, id), signal, onChange);
      if (ended) return ended;
    } catch (thrown) {
      if (!(thrown instanceof V3Error) || thrown.code !== 'SERVICE_UNAVAILABLE') throw thrown;
    }
    signal?.throwIfAborted();
    // Waits for a gateway that comes back, and fails when none does.
    await client.call('getMigration', { migration: id }, { signal });
  }
}

async function watchToEnd(
  { lines, stop }: LineStream<Migration>,
  signal: AbortSignal | undefined,
  onChange: ((migration: Migration) => void) | undefined,
): Promise<Migration | undefined> {
  signal?.addEventListener('abort', stop, { once: true });
  try {
    signal?.throwIfAborted();
    for await (const line of lines) {
      onChange?.(line);
      if (line.endedAt !== null) return line;
    }
    return undefined;
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}
