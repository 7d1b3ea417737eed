import { TRACE_PATH, traceLine, type TraceLine } from '@v3vee/contracts';
import type { Client } from './client';
import { openLineStream, type LineStream } from './line-stream';

/** Events, and what is said of the trace between them. */
export type TraceSession = LineStream<TraceLine>;

/**
 * Begins a trace of a physical device, `alpha/eth0`.
 * @throws V3Error as the gateway answered it (DEVICE_NOT_FOUND, HOST_NOT_READY …); SERVICE_UNAVAILABLE when it cannot
 *   be reached
 */
export function openTrace(client: Client, device: string): Promise<TraceSession> {
  return openLineStream(client, TRACE_PATH, { device }, { what: 'trace', schema: traceLine });
}
