import type { Call } from '@v3vee/contracts';
import { ATTRIBUTE, inSpan, isInTrace, remoteContext, traceHeaders } from '@v3vee/tracing';
import { headers as natsHeaders, type Msg, type MsgHdrs } from 'nats';

const NATS = { [ATTRIBUTE.messaging]: 'nats' };

/**
 * Asks in a span, if what asks is part of a trace; its message then has the span in its headers. Calls that are made by
 * the clock or for each exit of a guest belong to no trace, and begin none.
 */
export function asked<T>(
  contract: Call,
  subject: string,
  ask: (headers?: MsgHdrs) => Promise<T>,
): Promise<T> {
  if (contract.isFrequent || !isInTrace()) return ask();
  const attributes = { ...NATS, [ATTRIBUTE.subject]: subject, [ATTRIBUTE.subjectTemplate]: contract.subject };
  return inSpan(`ask ${contract.subject}`, { kind: 'CLIENT', attributes }, () => ask(toNats(traceHeaders())));
}

/** Handles a message, in a span of the trace that it says it is part of. */
export function answered<T>(
  contract: Call,
  message: Msg,
  handle: (message: Msg) => Promise<T> | T,
): Promise<T> | T {
  const parent = contract.isFrequent ? undefined : remoteContext(name => message.headers?.get(name));
  if (!parent) return handle(message);
  const attributes = {
    ...NATS,
    [ATTRIBUTE.subject]: message.subject,
    [ATTRIBUTE.subjectTemplate]: contract.subject,
  };
  return inSpan(`serve ${contract.subject}`, { kind: 'SERVER', attributes, parent }, async () =>
    handle(message),
  );
}

function toNats(trace: Record<string, string> | undefined): MsgHdrs | undefined {
  if (!trace) return undefined;
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(trace)) headers.set(name, value);
  return headers;
}
