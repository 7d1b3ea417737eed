import { StringDecoder } from 'node:string_decoder';
import { V3Error } from '@v3vee/contracts';
import type { z } from 'zod';
import { openByteStream } from './byte-stream';
import type { Client } from './client';

export interface LineStream<Line> {
  /** Ends when the gateway ends it; fails when the connection does. */
  lines: AsyncIterable<Line>;
  /** Leaves it: the lines end. */
  stop(): void;
}

/**
 * Begins what the gateway answers with JSON lines (application/x-ndjson) that come as things happen.
 * @param what for people, for example "trace"
 * @throws V3Error as the gateway answered it; SERVICE_UNAVAILABLE when it cannot be reached
 */
export async function openLineStream<S extends z.ZodType>(
  client: Client,
  path: string,
  query: Record<string, string | undefined>,
  { what, schema }: { what: string; schema: S },
): Promise<LineStream<z.output<S>>> {
  const { stream, stop } = await openByteStream(client, path, query, what);
  const parse = (line: string): z.output<S> => {
    try {
      return schema.parse(JSON.parse(line));
    } catch (cause) {
      const detail = `the gateway sent a line that is none of a ${what}; is it of another version?`;
      throw new V3Error('INTERNAL', detail, { cause });
    }
  };
  return { lines: parsed(stream, parse), stop };
}

async function* parsed<Line>(
  stream: AsyncIterable<Buffer>,
  parse: (line: string) => Line,
): AsyncGenerator<Line> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) yield parse(line);
  }
}
