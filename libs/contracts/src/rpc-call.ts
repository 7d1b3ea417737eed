/** What a call and an announcement over core NATS are. `{host}` in a subject is the host that serves or sends it. */
import { z } from 'zod';

export interface Call<Q extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  readonly subject: string;
  readonly request: Q;
  readonly response: R;
  /** How long the caller waits, ms. */
  readonly timeoutMs: number;
  /** Made so often that it is never part of a trace. */
  readonly isFrequent?: true;
}
export interface Announcement<M extends z.ZodType = z.ZodType> {
  readonly subject: string;
  readonly message: M;
}

export const call = <Q extends z.ZodType, R extends z.ZodType>(
  subject: string,
  request: Q,
  response: R,
  timeoutMs = 5_000,
): Call<Q, R> => ({ subject, request, response, timeoutMs });
/** Of each exit or each few seconds: tracing must not cost it anything. */
export const frequent = <C extends Call>(contract: C): C => ({ ...contract, isFrequent: true });
export const announcement = <M extends z.ZodType>(subject: string, message: M): Announcement<M> => ({
  subject,
  message,
});

export const empty = z.object({});
/** A new random value at each start of a process: tells a restart from a hiccup. */
export const incarnation = z.uuid();

/** `subjectFor(call, 'alpha')` fills in the host. */
export function subjectFor(contract: { subject: string }, host?: string): string {
  return host === undefined ? contract.subject : contract.subject.replace('{host}', host);
}
