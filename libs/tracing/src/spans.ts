import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type TimeInput,
} from '@opentelemetry/api';
import { V3Error } from '@v3vee/contracts';
import { ATTRIBUTE } from './attributes';

/** Of our spans; the API's own switch is not looked at, since it costs more than a boolean. */
const SCOPE = 'v3vee';
let isOn = false;

/** Whether this process makes spans. While it does not, everything here is one look at that. */
export const isTracing = (): boolean => isOn;

/** For who has registered a provider with OpenTelemetry's API, or takes it away. */
export function switchTracing(on: boolean): void {
  isOn = on;
}

/**
 * The active span, while it is recorded and has not ended. Timers and threads that were begun in a span keep its context
 * for ever: what they do after its end is not of it.
 */
export function recordingSpan(): Span | undefined {
  if (!isOn) return undefined;
  const span = trace.getActiveSpan();
  return span?.isRecording() ? span : undefined;
}

/** Whether what is done now is part of a trace that is recorded. */
export const isInTrace = (): boolean => recordingSpan() !== undefined;

/** What a line of the log says of its trace; empty where it has none. */
export function logFields(): { trace_id?: string; span_id?: string } {
  const span = recordingSpan();
  if (!span) return {};
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}

export interface SpanOptions {
  kind?: keyof typeof SpanKind;
  attributes?: Attributes;
  /** Absent: what is active. */
  parent?: Context;
  /** Absent: now. */
  startTime?: TimeInput;
}

/** A span that ends somewhere else than where it began. */
export interface OpenSpan {
  /** What `work` does, and what that goes on to do, is of the span. */
  run<T>(work: () => T): T;
  /** Nothing is changed after the end. */
  name(name: string): void;
  set(attributes: Attributes): void;
  /** A span of its own for a time that is over. */
  child(name: string, from: TimeInput, to: TimeInput, attributes?: Attributes): void;
  /** Only the first end counts. @param thrown why it failed */
  end(thrown?: unknown): void;
}

const none: OpenSpan = {
  run: work => work(),
  name: () => undefined,
  set: () => undefined,
  child: () => undefined,
  end: () => undefined,
};

export function beginSpan(name: string, options: SpanOptions = {}): OpenSpan {
  if (!isOn) return none;
  const { kind = 'INTERNAL', attributes, parent = context.active(), startTime } = options;
  const tracer = trace.getTracer(SCOPE);
  const span = tracer.startSpan(name, { kind: SpanKind[kind], attributes, startTime }, parent);
  const within = trace.setSpan(parent, span);
  let isOpen = true;
  return {
    run: work => context.with(within, work),
    name: text => void (isOpen && span.updateName(text)),
    set: more => void (isOpen && span.setAttributes(more)),
    child: (text, from, to, more) =>
      tracer.startSpan(text, { startTime: from, attributes: more }, within).end(to),
    end: thrown => {
      if (!isOpen) return;
      isOpen = false;
      if (thrown !== undefined) fail(span, thrown);
      span.end();
    },
  };
}

/** Does `work` in a span, which has its failure. */
export async function inSpan<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  if (!isOn) return work();
  const span = beginSpan(name, options);
  try {
    const result = await span.run(work);
    span.end();
    return result;
  } catch (thrown) {
    span.end(thrown);
    throw thrown;
  }
}

/** The code says enough: a message may be long, and an unexpected one is for the log alone. */
function fail(span: Span, thrown: unknown): void {
  const { code } = V3Error.from(thrown);
  span.setAttribute(ATTRIBUTE.error, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
