import { restStreams, V3Error, type WatchedList } from '@v3vee/contracts';
import type { z } from 'zod';
import type { Client } from './client';
import { openLineStream } from './line-stream';
import { pause } from './pause';

const names = {
  vms: 'watchVms',
  hosts: 'watchHosts',
  migrations: 'watchMigrations',
  operations: 'watchOperations',
  events: 'watchEvents',
} as const satisfies Record<WatchedList, keyof typeof restStreams>;

/** A line of a list's watch. */
export type WatchLine<L extends WatchedList> = z.output<
  (typeof restStreams)[(typeof names)[L]]['answers']['lines']
>;

export interface WatchOptions {
  /** Where to go on, as an earlier line had it; none: what there is now comes first (of events: from now on). */
  resourceVersion?: string;
  signal?: AbortSignal;
  /** How long to go on trying while the gateway is away, ms. */
  retryForMs?: number;
}

/**
 * Each change of a list, also while the gateway is restarted: where a stream broke off the next one goes on. A watch
 * that fell behind the log begins anew with what there is.
 * @throws V3Error SERVICE_UNAVAILABLE when the gateway stays away; RESOURCE_VERSION_TOO_OLD of events, which would be
 *   missing; the signal's reason
 */
export async function* watchList<L extends WatchedList>(
  client: Client,
  list: L,
  { resourceVersion, signal, retryForMs = 10_000 }: WatchOptions = {},
): AsyncGenerator<WatchLine<L>> {
  const { path, answers } = restStreams[names[list]];
  let heardAt = Date.now();
  for (let rest = 100; ; rest = Math.min(rest * 2, 1600)) {
    signal?.throwIfAborted();
    try {
      const stream = await openLineStream(
        client,
        path,
        { resourceVersion },
        { what: 'watch', schema: answers.lines },
      );
      signal?.addEventListener('abort', stream.stop, { once: true });
      try {
        heardAt = Date.now();
        rest = 100;
        for await (const line of stream.lines) {
          yield line as WatchLine<L>;
          resourceVersion = line.resourceVersion;
          heardAt = Date.now();
        }
      } finally {
        signal?.removeEventListener('abort', stream.stop);
        stream.stop();
      }
    } catch (thrown) {
      signal?.throwIfAborted();
      const { code } = V3Error.from(thrown);
      if (code === 'RESOURCE_VERSION_TOO_OLD' && list !== 'events') resourceVersion = undefined;
      else if (code !== 'SERVICE_UNAVAILABLE' || Date.now() - heardAt > retryForMs) throw thrown;
    }
    await pause(rest, signal);
  }
}
