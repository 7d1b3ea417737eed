import { randomUUID } from 'node:crypto';
import { HttpException } from '@nestjs/common';
import { MAX_BODY_BYTES, V3Error, type Problem } from '@v3vee/contracts';
import { storeError } from '@v3vee/store';

/** What is not of its own but of zlib, say, has no type. */
interface BodyParserError extends Error {
  type?: string;
  status: number;
}
const isBodyParserError = (thrown: unknown): thrown is BodyParserError =>
  thrown instanceof Error && 'status' in thrown;

/** Whatever was thrown while a request was served, as an entry of the catalogue. */
export function asV3Error(thrown: unknown): V3Error {
  const error = storeError(thrown);
  if (error instanceof V3Error) return error;
  if (error instanceof HttpException) {
    if (error.getStatus() === 404) {
      // Nest says `Cannot POST /v1/…`.
      const detail = error.message.replace(/^Cannot /, 'there is no ');
      return new V3Error('ROUTE_NOT_FOUND', `${detail}; /docs lists what there is`);
    }
    if (error.getStatus() < 500) return new V3Error('INVALID_REQUEST', error.message);
  }
  if (isBodyParserError(error)) {
    switch (error.type) {
      case 'entity.too.large':
        return new V3Error('BODY_TOO_LARGE', `a body has at most ${MAX_BODY_BYTES} bytes`);
      case 'entity.parse.failed':
        return new V3Error('MALFORMED_JSON', `the body is not JSON: ${error.message}`);
    }
    if (error.status < 500) return new V3Error('INVALID_REQUEST', `the body can't be read: ${error.message}`);
  }
  // What express says of `%zz` in a path.
  if (error instanceof URIError) return new V3Error('INVALID_REQUEST', `the address: ${error.message}`);
  return V3Error.from(error);
}

/**
 * What a client may see. The words of an unexpected error are for the log: it gets them under an id, and the
 * client gets the id.
 * @param requestId of the request that is answered with it, if it is one
 */
export function publicProblem(
  thrown: unknown,
  report: (error: unknown, incident: string) => void,
  requestId?: string,
): Problem {
  const error = asV3Error(thrown);
  if (error.code !== 'INTERNAL') return error.toProblem(requestId);
  const incident = requestId ?? randomUUID();
  report(thrown, incident);
  return new V3Error('INTERNAL', `an unexpected error; the gateway's log has it under ${incident}`).toProblem(
    incident,
  );
}
