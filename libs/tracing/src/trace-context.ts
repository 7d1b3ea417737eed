/** W3C Trace Context: which trace a request is part of, as headers of HTTP, gRPC and NATS alike. */
import { context, propagation, ROOT_CONTEXT, trace, type Context } from '@opentelemetry/api';
import { isInTrace, isTracing } from './spans';

/** A `traceparent` of the version that we know has 55 characters; later ones may have some more. */
const MAX_PARENT = 256;
/** As the recommendation has it. */
const MAX_STATE = 512;

/** The value of a header, if there is one, and only one. */
export type HeaderOf = (name: string) => string | undefined;

const setter = {
  set: (carrier: Record<string, string>, name: string, value: string) => void (carrier[name] = value),
};
const getter = { keys: () => [], get: (of: HeaderOf, name: string) => of(name) };

/** The active span for another process; undefined: no span is recorded, and the message gets no header. */
export function traceHeaders(): Record<string, string> | undefined {
  return isInTrace() ? contextHeaders() : undefined;
}

/** As {@link traceHeaders}, also of a trace that is not recorded: who gets it should not begin another one. */
export function contextHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (isTracing()) propagation.inject(context.active(), headers, setter);
  return headers;
}

/**
 * The span that headers from outside name, as a parent. Undefined: tracing is off, there is none, or it is not as W3C has
 * it. Headers are anybody's: what is wrong or too long is as if it were not there.
 */
export function remoteContext(headerOf: HeaderOf): Context | undefined {
  if (!isTracing()) return undefined;
  try {
    const bounded: HeaderOf = name => {
      const value = headerOf(name);
      return value !== undefined && value.length <= (name === 'tracestate' ? MAX_STATE : MAX_PARENT)
        ? value
        : undefined;
    };
    const remote = propagation.extract(ROOT_CONTEXT, bounded, getter);
    return trace.getSpanContext(remote) ? remote : undefined;
  } catch {
    return undefined;
  }
}
