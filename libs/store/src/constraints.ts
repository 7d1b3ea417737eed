import { V3Error, type ErrorCode } from '@v3vee/contracts';
import { QueryFailedError } from 'typeorm';

interface PostgresFailure {
  code?: string;
  constraint?: string;
  detail?: string;
}

const failureOf = (thrown: unknown): PostgresFailure =>
  thrown instanceof QueryFailedError ? (thrown.driverError as PostgresFailure) : {};

/** Name of the constraint that a write violated (unique 23505, foreign key 23503), if that is what failed. */
export function violatedConstraint(thrown: unknown): string | undefined {
  const { code, constraint } = failureOf(thrown);
  return code === '23505' || code === '23503' ? constraint : undefined;
}

/** Runs a write; a violated constraint of the given list becomes its error. Everything else is rethrown. */
export async function translating<T>(
  errors: Record<string, [code: ErrorCode, detail: string | ((failure: string) => string)]>,
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (thrown) {
    const known = errors[violatedConstraint(thrown) ?? ''];
    if (!known) throw storeError(thrown);
    const [code, detail] = known;
    const text = typeof detail === 'string' ? detail : detail(failureOf(thrown).detail ?? '');
    throw new V3Error(code, text, { cause: thrown });
  }
}

/**
 * What Postgres or the way to it failed with, in the catalogue's terms: connection lost or refused →
 * SERVICE_UNAVAILABLE, disk full (53100) → STORAGE_FULL, a character that no text of it has → INVALID_REQUEST. Anything
 * else is returned as it is.
 */
export function storeError(thrown: unknown): unknown {
  const code = failureOf(thrown).code ?? (thrown as { code?: string } | null)?.code ?? '';
  if (code === '53100')
    return new V3Error('STORAGE_FULL', 'the database has no space left', { cause: thrown });
  // character_not_in_repertoire, untranslatable_character: U+0000 alone, since all else was decoded from UTF-8.
  if (code === '22021' || code === '22P05')
    return new V3Error('INVALID_REQUEST', 'there is a character U+0000 in a name or a text; leave it out', {
      cause: thrown,
    });
  // Classes 08 (connection) and 57P (shut-down, crash), 53300 (too many connections); node's own network errors.
  const lost = /^(08|57P|53300)|^E(CONNREFUSED|CONNRESET|PIPE|HOSTUNREACH|TIMEDOUT)$/.test(code);
  const words = thrown instanceof Error && !(thrown instanceof V3Error) ? thrown.message : '';
  if (lost || /^Connection terminated|^timeout exceeded when trying to connect/.test(words)) {
    return new V3Error('SERVICE_UNAVAILABLE', 'the database does not answer; try again in a moment', {
      cause: thrown,
    });
  }
  return thrown;
}
