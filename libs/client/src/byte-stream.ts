import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { V3Error, type Problem } from '@v3vee/contracts';
import type { Client } from './client';

/** The gateway asks the host that it concerns first, which may take a few seconds to be found silent. */
const ANSWER_MS = 15_000;

export interface ByteStream {
  /** Pieces of any length. Ends when the gateway ends it; fails when the connection does. */
  stream: AsyncIterable<Buffer>;
  /** Leaves it: the stream ends. */
  stop(): void;
}

/**
 * Begins what the gateway answers with a stream that lasts, on a connection of its own.
 * @param what for people, for example "capture"
 * @throws V3Error as the gateway answered it; SERVICE_UNAVAILABLE when it cannot be reached
 */
export async function openByteStream(
  client: Client,
  path: string,
  query: Record<string, string | number | undefined>,
  what: string,
): Promise<ByteStream> {
  const url = new URL(`${client.url}${path}`);
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(key, String(value));
  }
  const response = await answerOf(client, url);
  if (response.statusCode !== 200) throw await toError(response, what);
  let isLeft = false;
  return {
    stream: (async function* () {
      try {
        yield* response as AsyncIterable<Buffer>;
      } catch (cause) {
        if (isLeft) return;
        throw new V3Error('SERVICE_UNAVAILABLE', `the ${what} was cut off (${(cause as Error).message})`, {
          cause,
        });
      }
    })(),
    stop: () => {
      isLeft = true;
      response.destroy();
    },
  };
}

function answerOf(client: Client, url: URL): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    // A connection of its own, which is closed to leave.
    const request = send(url, {
      agent: false,
      ca: client.ca,
      headers: { ...client.headers(), accept: '*/*' },
    });
    const timer = setTimeout(
      () => request.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)),
      ANSWER_MS,
    );
    request.on('response', response => {
      clearTimeout(timer);
      resolve(response);
    });
    request.on('error', cause => {
      clearTimeout(timer);
      const detail = `the gateway at ${client.url} cannot be reached (${cause.message})`;
      reject(new V3Error('SERVICE_UNAVAILABLE', detail, { cause }));
    });
    request.end();
  });
}

async function toError(response: IncomingMessage, what: string): Promise<V3Error> {
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part as string;
  try {
    return V3Error.fromProblem(JSON.parse(text) as Partial<Problem>);
  } catch {
    return new V3Error(
      'SERVICE_UNAVAILABLE',
      `the gateway refused the ${what} (HTTP ${response.statusCode})`,
    );
  }
}
