export { contextHeaders, remoteContext, traceHeaders, type HeaderOf } from './trace-context';
export {
  beginSpan,
  inSpan,
  isTracing,
  isInTrace,
  logFields,
  switchTracing,
  type OpenSpan,
  type SpanOptions,
} from './spans';
export { ATTRIBUTE } from './attributes';
