import { status, type Metadata, type UntypedHandleCall } from '@grpc/grpc-js';
import { PACKAGE, rpcName, type Rpc } from '@v3vee/grpc';
import { ATTRIBUTE, beginSpan, isTracing, remoteContext } from '@v3vee/tracing';

type Call = NodeJS.EventEmitter & { metadata: Metadata };
type Done = (error: { code?: number } | null, ...rest: unknown[]) => void;
type Handler = (call: Call, done?: Done) => void;

/**
 * A handler with a span of each call, in the trace that the client is in, if its metadata say so. The REST request that
 * the call becomes has a span of its own within it.
 */
export function traced(service: string, rpc: Rpc, handler: UntypedHandleCall): UntypedHandleCall {
  if (!isTracing()) return handler;
  const handle = handler as unknown as Handler;
  const [rpcService, method] = [`${PACKAGE}.${service}`, rpcName(rpc)];
  const attributes = {
    [ATTRIBUTE.rpcSystem]: 'grpc',
    [ATTRIBUTE.rpcService]: rpcService,
    [ATTRIBUTE.rpcMethod]: method,
  };
  const withSpan: Handler = (call, done) => {
    const parent = remoteContext(name => {
      const [value, ...others] = call.metadata.get(name);
      return typeof value === 'string' && others.length === 0 ? value : undefined;
    });
    const span = beginSpan(`${rpcService}/${method}`, { kind: 'SERVER', parent, attributes });
    const end = (code: number) => {
      span.set({ [ATTRIBUTE.grpcStatus]: code });
      span.end();
    };
    span.run(() => {
      if (done) {
        handle(call, (error, ...rest) => {
          end(error?.code ?? status.OK);
          done(error, ...rest);
        });
        return;
      }
      call.once('error', (error: { code?: number }) => end(error.code ?? status.UNKNOWN));
      call.once('cancelled', () => end(status.CANCELLED));
      call.once('finish', () => end(status.OK));
      handle(call);
    });
  };
  return withSpan as unknown as UntypedHandleCall;
}
