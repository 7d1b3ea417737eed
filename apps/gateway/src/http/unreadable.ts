import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { V3Error, type Problem } from '@v3vee/contracts';

const headersOf = ({ requestId }: Problem, body: string): Record<string, string> => ({
  'Content-Type': 'application/problem+json',
  'Content-Length': String(Buffer.byteLength(body)),
  ...(requestId && { 'X-Request-Id': requestId }),
  Connection: 'close',
});

/** A problem as a whole HTTP answer, where there is no response of node's to write it to. */
export function rawAnswer(problem: Problem, headers: Record<string, string> = {}): string {
  const body = JSON.stringify(problem);
  const lines = Object.entries({ ...headersOf(problem, body), ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}

/** What is no HTTP, or wants what nobody gives, is answered with a problem like all else. */
export function answerUnreadable(http: Server): void {
  http.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const refused = new V3Error('INVALID_REQUEST', `this can't be read as HTTP: ${error.message}`);
    socket.end(rawAnswer(refused.toProblem(randomUUID())), () => socket.destroy());
  });
  http.on('checkExpectation', ({ headers: { expect } }, response) => {
    const refused = new V3Error('INVALID_REQUEST', `nobody here does as "Expect: ${expect}" says`);
    const problem = refused.toProblem(randomUUID());
    const body = JSON.stringify(problem);
    response.writeHead(problem.status, headersOf(problem, body)).end(body);
  });
}
