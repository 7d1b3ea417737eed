import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { V3Error } from '@v3vee/contracts';

export interface Sent {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body?: string | Readable;
  signal?: AbortSignal;
  /** Milliseconds without an answer. */
  timeoutMs: number;
}

export interface Received {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** The connection failed: nothing is known of the request's fate, so only a repeatable one may be sent again. */
export class ConnectionError extends Error {
  constructor(
    message: string,
    /** True where the request cannot have reached the server. */
    readonly unsent: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
    this.name = 'ConnectionError';
  }
}

/**
 * HTTP with kept connections. Node's `fetch` gives up on an answer after five minutes whatever the caller
 * wants, and a command in a guest may run for an hour.
 */
export class Transport {
  private readonly http = new HttpAgent({ keepAlive: true });
  private readonly https: HttpsAgent;

  /** @param ca certificates of whom to trust, PEM; none: those that Node trusts */
  constructor(ca?: string) {
    this.https = new HttpsAgent({ keepAlive: true, ca });
  }

  send(sent: Sent): Promise<Received> {
    return new Promise((resolve, reject) => {
      const secure = sent.url.protocol === 'https:';
      const request = (secure ? httpsRequest : httpRequest)(sent.url, {
        method: sent.method,
        headers: sent.headers,
        agent: secure ? this.https : this.http,
      });
      const abort = () => request.destroy(asError(sent.signal?.reason));
      const timer = setTimeout(
        () =>
          request.destroy(
            new V3Error('TIMEOUT', `no answer from ${sent.url.origin} within ${sent.timeoutMs / 1000} s`),
          ),
        sent.timeoutMs,
      );
      const settle = () => {
        clearTimeout(timer);
        sent.signal?.removeEventListener('abort', abort);
      };
      const fail = (error: Error) => {
        settle();
        const { code } = error as NodeJS.ErrnoException;
        if (sent.signal?.aborted || error instanceof V3Error || code === undefined) reject(error);
        else
          reject(new ConnectionError(error.message || code, !request.reusedSocket && isUnsent(code), error));
      };
      request.on('error', fail);
      request.on('response', response => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('error', fail);
        response.on('end', () => {
          settle();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      });
      if (sent.signal?.aborted) return abort();
      sent.signal?.addEventListener('abort', abort, { once: true });
      if (sent.body === undefined || typeof sent.body === 'string') request.end(sent.body);
      else sent.body.on('error', error => request.destroy(error)).pipe(request);
      return undefined;
    });
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }
}

function isUnsent(code: string): boolean {
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
