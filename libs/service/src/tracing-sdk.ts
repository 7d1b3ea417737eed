/** OpenTelemetry's SDK; loaded by `tracing.ts` alone, when spans are wanted. */
import { context, diag, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { TracingOptions } from './tracing';

/** Characters of an attribute, unless the environment says otherwise: paths and names come from outside. */
const MAX_ATTRIBUTE = 256;
/** How long the same trouble is not told again, ms. */
const TELL_AGAIN_MS = 60_000;
const MAX_TOLD = 100;

/**
 * Spans in batches to an OTLP collector. Sampling, limits, queue, headers and certificates are as the SDK takes them from
 * `OTEL_*`. What the collector does not take is retried for a while and lost: at most 2048 spans wait.
 */
export function startSdk(options: TracingOptions): { shutdown(): Promise<void> } {
  const { name, host, env, onTrouble, exporter = new OTLPTraceExporter() } = options;
  const tell = onceAMinute(onTrouble);
  listenToSdk(tell);
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL;
  if (protocol === 'grpc') {
    tell('spans go out as OTLP over HTTP, not gRPC: the endpoint has to be one for that (port 4318)');
  }
  const process = host === undefined ? name : `${name}-${host}`;
  const ours = resourceFromAttributes({
    'service.name': process,
    'service.namespace': 'v3vee',
    'service.instance.id': process,
    ...(host !== undefined && { 'host.name': host }),
  });
  const length = env.OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT ?? env.OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT;
  const provider = new NodeTracerProvider({
    // What the environment says comes last: it is whoever runs the cluster that knows better.
    resource: defaultResource()
      .merge(ours)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
    ...(length === undefined && { spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE } }),
  });
  // No baggage: it is for who measures its own calls, and would carry anybody's text through every service.
  provider.register({ propagator: new W3CTraceContextPropagator() });
  return {
    shutdown: async () => {
      for (const api of [trace, context, propagation]) api.disable();
      await provider.shutdown().catch((error: Error) => tell(`the last spans were lost: ${error.message}`));
    },
  };
}

function listenToSdk(tell: (what: string) => void): void {
  const quiet = () => undefined;
  const logger = { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  setGlobalErrorHandler(thrown => {
    const why = thrown instanceof Error ? thrown.message : String((thrown as { message?: unknown }).message);
    tell(`spans were not taken by their collector and are lost: ${why}`);
  });
}

/** A collector that is gone would otherwise fill the log. Numbers in a text do not make it another one. */
function onceAMinute(tell: (what: string) => void): (what: string) => void {
  const told = new Map<string, number>();
  return what => {
    const key = what.replaceAll(/\d+/g, '0');
    const now = performance.now();
    if (now - (told.get(key) ?? -Infinity) < TELL_AGAIN_MS) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(key, now);
    tell(what.slice(0, 1_000));
  };
}
