import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a request is called in the log, in its answer's `X-Request-Id` and in a problem. */
export function requestIdOf(request: IncomingMessage): string {
  // Where the logger looks for it.
  const named = request as IncomingMessage & { id?: string };
  return (named.id ??= randomUUID());
}
