import type { ClientRequest, IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { errorCatalogue, V3Error, type ErrorCode, type Problem } from '@v3vee/contracts';

/** The REST answer to a request that has been sent. @throws V3Error SERVICE_UNAVAILABLE when there is none */
export function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', cause => reject(new V3Error('SERVICE_UNAVAILABLE', 'the gateway stops', { cause })));
  });
}

/** @throws V3Error SERVICE_UNAVAILABLE when it breaks off */
export async function* pieces(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new V3Error('SERVICE_UNAVAILABLE', 'the answer broke off', { cause });
  }
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of pieces(answer)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Lines as they come. */
export async function* lines(answer: IncomingMessage): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of pieces(answer)) {
    const complete = (rest + decoder.write(chunk)).split('\n');
    rest = complete.pop() as string;
    yield* complete;
  }
}

/** A REST answer that says that it failed, as the error it tells of, still as a problem. */
export async function problemOf(answer: IncomingMessage): Promise<Problem> {
  const problem = JSON.parse(await textOf(answer)) as Problem;
  const code: ErrorCode = problem.code in errorCatalogue ? problem.code : 'INTERNAL';
  return { ...problem, code };
}

/** A problem on its way to be the status of a call. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}
