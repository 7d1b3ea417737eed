import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import { isTracing, switchTracing } from '@v3vee/tracing';

export interface TracingOptions {
  /** Of the process: `gateway`, `palacios`. */
  name: string;
  /** The emulated host that it is of. */
  host?: string;
  env: NodeJS.ProcessEnv;
  /** Told what is wrong with spans or with their collector. */
  onTrouble: (what: string) => void;
  /** Where spans go; absent: to the collector that the environment names. */
  exporter?: SpanExporter;
}

export interface Tracing {
  /** Sends what is left, for a while; then there are no spans any more. Never rejects. */
  stop(): Promise<void>;
}

/**
 * How long the last spans may take to reach their collector when the process stops, ms. A supervisor gives a service 10 s
 * to stop.
 */
export const LAST_SPANS_MS = 2_000;

/**
 * OpenTelemetry's own variables say so: an OTLP endpoint, and nothing against it. The specification's default endpoint
 * (localhost) is none here, since tracing is off unless somebody wants it.
 */
export function wantsTracing(env: NodeJS.ProcessEnv): boolean {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = env;
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return false;
  if (env.OTEL_TRACES_EXPORTER?.trim().toLowerCase() === 'none') return false;
  return Boolean(all?.trim() || traces?.trim());
}

/** Begins to make spans, if the environment wants that; else nothing of the SDK is loaded. */
export function startTracing(options: TracingOptions): Tracing | undefined {
  if (isTracing() || !wantsTracing(options.env)) return undefined;
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the SDK costs nothing where it is not wanted
  const { startSdk } = require('./tracing-sdk') as typeof import('./tracing-sdk');
  const sdk = startSdk(options);
  switchTracing(true);
  return {
    stop: async () => {
      switchTracing(false);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>(resolve => (timer = setTimeout(resolve, LAST_SPANS_MS)));
      await Promise.race([sdk.shutdown(), late]);
      clearTimeout(timer);
    },
  };
}
