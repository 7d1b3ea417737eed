import { StringDecoder } from 'node:string_decoder';
import { TRACE_PATH, traceLine, V3Error, type TraceLine } from '@v3vee/contracts';
import { openByteStream } from './byte-stream';
import type { Client } from './client';

export interface TraceSession {
  /** Events, and what is said of the trace between them. Ends when the gateway ends it; fails when the connection does. */
  lines: AsyncIterable<TraceLine>;
  /** Leaves it: the lines end. */
  stop(): void;
}

/**
 * Begins a trace of a physical device, `alpha/eth0`.
 * @throws V3Error as the gateway answered it (DEVICE_NOT_FOUND, HOST_NOT_READY …); SERVICE_UNAVAILABLE when it cannot
 *   be reached
 */
export async function openTrace(client: Client, device: string): Promise<TraceSession> {
  const { stream, stop } = await openByteStream(client, TRACE_PATH, { device }, 'trace');
  return { lines: parsed(stream), stop };
}

async function* parsed(stream: AsyncIterable<Buffer>): AsyncGenerator<TraceLine> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) yield parse(line);
  }
}

function parse(line: string): TraceLine {
  try {
    return traceLine.parse(JSON.parse(line));
  } catch (cause) {
    const detail = 'the gateway sent a line that is none of a trace; is it of another version?';
    throw new V3Error('INTERNAL', detail, { cause });
  }
}
