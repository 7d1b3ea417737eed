import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client as Channel, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import {
  rest,
  V3Error,
  type Endpoint,
  type EndpointName,
  type ResponseOf,
  type RestStreamName,
} from '@v3vee/contracts';
import type { CallArguments, CallOptions, ParamsOf } from '@v3vee/client';
import { api, BODY, MASK } from './api';
import { fromWire, toWire, type Json, type Wire } from './codec';
import { serviceDefinition } from './load';
import { rpcName, type Rpc, type Service } from './model';
import { errorOf } from './status';

export interface GrpcClientOptions {
  /** Where the gateway's gRPC listens: `127.0.0.1:9090`. */
  address: string;
  token: string;
  /** PEM certificates to trust, of a gateway with TLS; none: it has none. */
  ca?: string;
  /** How long a repeatable request is tried again while the gateway cannot be reached, ms. */
  retryForMs?: number;
}

export interface GrpcStream {
  /** JSON as the REST interface has it; bytes and texts under `data` and `text`. */
  messages: AsyncIterable<Json>;
  /** Leaves it: the messages end. */
  stop(): void;
}

const ANSWER_MS = 30_000;

interface Found {
  rpc: Rpc;
  definition: ReturnType<typeof serviceDefinition>[string];
}

const find = (name: string): Found => {
  const [service, rpc] = api()
    .services.flatMap(each => each.rpcs.map((one): [Service, Rpc] => [each, one]))
    .find(([, { name: its }]) => its === name) as [Service, Rpc];
  return { rpc, definition: serviceDefinition(service)[rpcName(rpc)] as Found['definition'] };
};

/** Client of the gateway's gRPC: calls, arguments and answers are those of `Client` in `@v3vee/client`. */
export class GrpcClient {
  private readonly channel: Channel;

  constructor(private readonly options: GrpcClientOptions) {
    const { address, ca } = options;
    const trust = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca));
    this.channel = new Channel(address, trust, {
      // An answer may be as large as it is; what is sent the gateway limits.
      'grpc.max_receive_message_length': -1,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_600,
    });
  }

  /**
   * Calls an endpoint. While the gateway cannot be reached it is tried again where a repeat is safe: what only reads, or
   * what takes a request id (which is made here). Of a partial update the mask names all that the body has.
   * @throws V3Error as the gateway answered it; SERVICE_UNAVAILABLE when it cannot be reached
   */
  async call<N extends EndpointName>(
    name: N,
    params: ParamsOf<N>,
    ...[options]: CallArguments<N>
  ): Promise<ResponseOf<N>> {
    const endpoint: Endpoint = rest[name];
    const { query, body, signal, timeoutMs = ANSWER_MS } = (options ?? {}) as CallOptions<N>;
    const takesRequestId = endpoint.query !== undefined && 'requestId' in endpoint.query.shape;
    const found = find(name);
    const wire = toWire(found.rpc.request, {
      ...params,
      ...(takesRequestId ? { requestId: randomUUID() } : {}),
      ...(query as object | undefined),
      ...(body === undefined ? {} : { [BODY]: body }),
      ...(endpoint.method === 'PATCH' && body ? { [MASK]: Object.keys(body) } : {}),
    });
    const answer = await this.repeat(endpoint.method === 'GET' || takesRequestId, signal, () =>
      this.unary(found, wire, timeoutMs, signal),
    );
    const result = endpoint.response.safeParse(fromWire(found.rpc.response, answer, 'response'));
    if (result.success) return result.data as ResponseOf<N>;
    throw new V3Error(
      'INTERNAL',
      `the answer of ${name} at ${this.options.address} is not one of this version: ${result.error.issues[0]?.message}`,
    );
  }

  /**
   * Begins what lasts: a watch, a trace, a capture, an export. Resolves when it is under way.
   * @throws V3Error as the gateway answered it; SERVICE_UNAVAILABLE when it cannot be reached
   */
  async stream(
    name: RestStreamName,
    request: Json,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<GrpcStream> {
    signal?.throwIfAborted();
    const { rpc, definition } = find(name);
    const call = this.channel.makeServerStreamRequest(
      definition.path,
      definition.requestSerialize as (wire: Wire) => Buffer,
      definition.responseDeserialize as (bytes: Buffer) => Wire,
      toWire(rpc.request, request),
      this.metadata(),
    );
    const stop = () => call.cancel();
    signal?.addEventListener('abort', stop, { once: true });
    call.once('close', () => signal?.removeEventListener('abort', stop));
    let failure: ServiceError | undefined;
    call.on('error', (error: ServiceError) => (failure = error));
    // grpc-js holds back a fast sender from the first reading on, not before it.
    call.read(0);
    await new Promise<void>((resolve, reject) => {
      call.once('metadata', () => resolve());
      call.once('error', (error: ServiceError) => reject(this.error(error)));
    });
    const messages = async function* (this: GrpcClient): AsyncGenerator<Json> {
      try {
        for await (const wire of call as AsyncIterable<Wire>) yield fromWire(rpc.response, wire, 'response');
      } catch (thrown) {
        const error = failure ?? (thrown as ServiceError);
        if (error.code !== status.CANCELLED) throw this.error(error);
      } finally {
        stop();
      }
    };
    return { messages: messages.call(this), stop };
  }

  close(): void {
    this.channel.close();
  }

  private unary({ definition }: Found, wire: Wire, timeoutMs: number, signal?: AbortSignal): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const call = this.channel.makeUnaryRequest(
        definition.path,
        definition.requestSerialize as (wire: Wire) => Buffer,
        definition.responseDeserialize as (bytes: Buffer) => Wire,
        wire,
        this.metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, answer) => {
          signal?.removeEventListener('abort', abort);
          if (signal?.aborted) reject(signal.reason as Error);
          else if (error) reject(error);
          else resolve(answer as Wire);
        },
      );
      const abort = () => call.cancel();
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  private async repeat(
    repeatable: boolean,
    signal: AbortSignal | undefined,
    send: () => Promise<Wire>,
  ): Promise<Wire> {
    const end = Date.now() + (this.options.retryForMs ?? 10_000);
    for (let pause = 100; ; pause = Math.min(pause * 2, 1600)) {
      try {
        return await send();
      } catch (thrown) {
        signal?.throwIfAborted();
        const failure = thrown as ServiceError;
        const told = errorOf(failure);
        // No words of the gateway's: it was not reached, or the connection was lost.
        const isWorthIt = told ? told.code === 'REQUEST_IN_PROGRESS' : failure.code === status.UNAVAILABLE;
        if (!repeatable || !isWorthIt || Date.now() + pause > end) throw this.error(failure);
      }
      await delay(pause, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  private error(failure: ServiceError): V3Error {
    const told = errorOf(failure);
    if (told) return told;
    const { address } = this.options;
    switch (failure.code) {
      case status.DEADLINE_EXCEEDED:
        return new V3Error('TIMEOUT', `no answer from ${address} in time`, { cause: failure });
      case status.RESOURCE_EXHAUSTED:
        return new V3Error('BODY_TOO_LARGE', failure.details, { cause: failure });
      case status.UNAVAILABLE:
        return new V3Error(
          'SERVICE_UNAVAILABLE',
          `the gateway at ${address} cannot be reached (${failure.details})`,
          {
            cause: failure,
          },
        );
      default:
        return new V3Error('INTERNAL', `${status[failure.code]}: ${failure.details}`, { cause: failure });
    }
  }

  private metadata(): Metadata {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${this.options.token}`);
    return metadata;
  }
}
