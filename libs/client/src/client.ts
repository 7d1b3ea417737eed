import { randomUUID } from 'node:crypto';
import {
  rest,
  V3Error,
  type ApplyResult,
  type Endpoint,
  type EndpointName,
  type Operation,
  type Problem,
  type ResponseOf,
  type Topology,
} from '@v3vee/contracts';
import { ConnectionError, Transport, type Received } from './transport';
import type {
  CallArguments,
  CallOptions,
  Limits,
  ListEndpoint,
  ListParams,
  OperationEndpoint,
  ParamsOf,
  QueryOf,
} from './endpoint-types';
import { pause } from './pause';

export interface ClientOptions {
  /** Where the gateway listens, for example `http://127.0.0.1:8080`. */
  url: string;
  token: string;
  /** Certificates of whom to trust with https, PEM; none: those that Node trusts. */
  ca?: string;
  /** How long a repeatable request is tried again while the gateway cannot be reached, ms. */
  retryForMs?: number;
}

export interface WaitOptions extends Limits {
  /** At each change of what it does; with its metadata, where its verb has such. */
  onProgress?: (text: string, metadata: unknown) => void;
}

const ANSWER_MS = 30_000;
const LONG_POLL_SECONDS = 20;

/** Client of the gateway; every endpoint of the `rest` table by its name, with types from that table. */
export class Client {
  readonly url: string;
  private readonly transport: Transport;

  constructor(private readonly options: ClientOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.transport = new Transport(options.ca);
  }

  /**
   * Calls an endpoint. A lost connection is retried where a repeat is safe: a GET, or what takes a request id
   * (which is made here).
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
    const url = this.address(endpoint.path, params, {
      ...(takesRequestId ? { requestId: randomUUID() } : {}),
      ...(query as object | undefined),
    });
    const received = await this.repeat(endpoint.method === 'GET' || takesRequestId, signal, () =>
      this.transport.send({
        method: endpoint.method,
        url,
        headers: {
          ...this.headers(),
          ...(endpoint.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: endpoint.body === undefined ? undefined : JSON.stringify(body ?? {}),
        signal,
        timeoutMs,
      }),
    );
    return this.parse(endpoint, received) as ResponseOf<N>;
  }

  /** All items of a list, over all its pages. */
  async list<N extends ListEndpoint>(
    name: N,
    query?: Omit<QueryOf<N>, 'pageToken'>,
    ...[params]: ListParams<N>
  ): Promise<ResponseOf<N>['items']> {
    const items: unknown[] = [];
    for (let pageToken: string | undefined; pageToken !== '';) {
      const page = await (this.call as CallAny).call(this, name, params ?? {}, {
        query: { ...query, pageToken },
      });
      items.push(...page.items);
      pageToken = page.nextPageToken;
    }
    return items as ResponseOf<N>['items'];
  }

  /** Calls an endpoint that answers with an operation, and waits for that. */
  async operate<N extends OperationEndpoint>(
    name: N,
    params: ParamsOf<N>,
    ...[options]: CallArguments<N, WaitOptions>
  ): Promise<Operation> {
    const begun = await (this.call as CallAny).call(this, name, params, options as object | undefined);
    const { signal, onProgress } = (options ?? {}) as WaitOptions;
    return this.waitOperation(begun, { signal, onProgress });
  }

  /**
   * Waits until an operation is done.
   * @throws V3Error the operation's own error; TIMEOUT after `timeoutMs` (none: as long as it takes)
   */
  async waitOperation(begun: Operation, options: WaitOptions = {}): Promise<Operation> {
    const end = options.timeoutMs === undefined ? Infinity : Date.now() + options.timeoutMs;
    let told = '';
    for (let operation = begun; ;) {
      const news = JSON.stringify([operation.progress, operation.metadata]);
      if (operation.progress && news !== told) options.onProgress?.(operation.progress, operation.metadata);
      told = news;
      if (operation.error) throw V3Error.fromProblem(operation.error as Partial<Problem>);
      if (operation.done) return operation;
      const leftSeconds = (end - Date.now()) / 1000;
      if (leftSeconds <= 0) {
        throw new V3Error(
          'TIMEOUT',
          `${operation.verb} ${operation.target} is still under way (operation ${operation.id})`,
        );
      }
      // A caller who shows progress wants to hear of it in between.
      const timeoutSeconds = Math.min(options.onProgress ? 1 : LONG_POLL_SECONDS, leftSeconds);
      operation = await this.call(
        'waitOperation',
        { operation: operation.id },
        { query: { timeoutSeconds }, signal: options.signal, timeoutMs: timeoutSeconds * 1000 + ANSWER_MS },
      );
    }
  }

  /** Makes the cluster what `topology` says. */
  async apply(topology: Topology, options: WaitOptions = {}): Promise<ApplyResult['changes']> {
    const operation = await this.operate('applyCluster', {}, { body: topology, ...options });
    return (operation.response as ApplyResult).changes;
  }

  /** Sends a request outside the table: a stream of bytes, as `application/octet-stream`. */
  async put(path: string, open: () => import('node:stream').Readable, length: number, signal?: AbortSignal) {
    const received = await this.repeat(true, signal, () =>
      this.transport.send({
        method: 'PUT',
        url: this.address(path, {}, {}),
        headers: {
          ...this.headers(),
          'content-type': 'application/octet-stream',
          'content-length': String(length),
        },
        body: open(),
        signal,
        timeoutMs: 10 * 60_000,
      }),
    );
    if (received.status >= 400) throw toError(received);
  }

  /** Sends a request outside the table whose answer is text; what is posted carries a request id. */
  async text(request: {
    method: 'GET' | 'POST';
    path: string;
    query?: Record<string, string | undefined>;
    body?: string;
  }): Promise<string> {
    const { method, path, query, body } = request;
    const url = this.address(
      path.replace(/^\/v1/, ''),
      {},
      {
        ...query,
        ...(method === 'POST' ? { requestId: randomUUID() } : {}),
      },
    );
    const headers = { ...this.headers(), accept: 'text/plain', 'content-type': 'text/plain; charset=utf-8' };
    const received = await this.repeat(true, undefined, () =>
      this.transport.send({ method, url, headers, body, timeoutMs: ANSWER_MS }),
    );
    if (received.status >= 400) throw toError(received);
    return received.text;
  }

  get ca(): string | undefined {
    return this.options.ca;
  }

  headers(): Record<string, string> {
    return { authorization: `Bearer ${this.options.token}`, accept: 'application/json' };
  }

  close(): void {
    this.transport.close();
  }

  private address(path: string, params: Record<string, string>, query: object): URL {
    const filled = path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''));
    const url = new URL(`${this.url}/v1${filled}`);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    return url;
  }

  private async repeat(
    repeatable: boolean,
    signal: AbortSignal | undefined,
    send: () => Promise<Received>,
  ): Promise<Received> {
    const end = Date.now() + (this.options.retryForMs ?? 10_000);
    for (let rest = 100; ; rest = Math.min(rest * 2, 1600)) {
      try {
        const received = await send();
        // Nothing was done, so that it may be sent again whatever it is.
        const limited = received.status === 429 ? Number(received.headers['retry-after']) * 1000 : NaN;
        if (Date.now() + limited <= end) {
          await pause(limited, signal);
          continue;
        }
        // Our first attempt got through and is being worked on.
        if (!repeatable || received.status !== 409 || codeOf(received) !== 'REQUEST_IN_PROGRESS')
          return received;
        if (Date.now() + rest > end) return received;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        if (!(repeatable || error.unsent) || Date.now() + rest > end) {
          throw new V3Error(
            'SERVICE_UNAVAILABLE',
            `the gateway at ${this.url} cannot be reached (${error.message}); "v3 status" shows whether it runs`,
            { cause: error },
          );
        }
      }
      await pause(rest, signal);
    }
  }

  private parse(endpoint: Endpoint, received: Received): unknown {
    if (received.status >= 400) throw toError(received);
    const result = endpoint.response.safeParse(parseJson(received.text));
    if (result.success) return result.data;
    throw new V3Error(
      'INTERNAL',
      `the answer of ${endpoint.method} ${endpoint.path} at ${this.url} is not one of a V3VEE gateway of this version: ${result.error.issues[0]?.message}`,
    );
  }
}

/** The table's types say more than TypeScript can follow through a generic caller; the schemas check at run time. */
type CallAny = (
  this: Client,
  name: EndpointName,
  params: object,
  options?: object,
) => Promise<ResponseOf<'listVms'> & Operation>;

function toError(received: Received): V3Error {
  const body = parseJson(received.text) as Partial<Problem> | undefined;
  if (body && typeof body === 'object' && typeof body.code === 'string') return V3Error.fromProblem(body);
  return new V3Error(
    received.status === 401 ? 'UNAUTHENTICATED' : 'INTERNAL',
    `HTTP ${received.status} without a problem document: ${received.text.slice(0, 200)}`,
  );
}

function codeOf(received: Received): unknown {
  return (parseJson(received.text) as { code?: unknown } | undefined)?.code;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
