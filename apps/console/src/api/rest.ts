import type { CallOptions, OperationEndpoint, ParamsOf } from '@v3vee/client';
import type { EndpointName, Operation, ResponseOf } from '@v3vee/contracts';
import { ApiError } from './problem';
import { newUuid } from './uuid';

/** Method, path, whether it takes a body, whether it takes a request id. */
export type RestTable = Record<EndpointName, readonly [string, string, boolean, boolean]>;

type Options<N extends EndpointName> = Omit<CallOptions<N>, 'timeoutMs'>;
type Arguments<N extends EndpointName> =
  Record<string, never> extends Options<N> ? [options?: Options<N>] : [options: Options<N>];

/** What the call of an operation may take besides. */
export interface Following {
  /** Ends the following, not the operation. */
  signal?: AbortSignal;
  onProgress?: (operation: Operation) => void;
}

/** The gateway's REST interface, by the contract's own table and types. */
export class Rest {
  constructor(
    private readonly table: RestTable,
    private readonly token: () => string | undefined,
    /** The token is no good any more, and why. */
    private readonly onUnauthenticated: (why: ApiError) => void,
  ) {}

  /** @throws ApiError */
  async call<N extends EndpointName>(
    name: N,
    params: ParamsOf<N>,
    ...[options]: Arguments<N>
  ): Promise<ResponseOf<N>> {
    const [method, path, takesBody, takesRequestId] = this.table[name];
    const { query, body, signal } = (options ?? {}) as {
      query?: Record<string, unknown>;
      body?: unknown;
      signal?: AbortSignal;
    };
    const filled = path.replace(/\{(\w+)\}/g, (_, key: string) =>
      encodeURIComponent((params as Record<string, string>)[key] ?? ''),
    );
    const search = new URLSearchParams();
    if (takesRequestId) search.set('requestId', newUuid());
    for (const [key, value] of Object.entries(query ?? {})) {
      if (value !== undefined) search.set(key, String(value));
    }
    const response = await this.fetch(`/v1${filled}${search.size > 0 ? `?${search}` : ''}`, {
      method,
      signal,
      headers: takesBody ? { 'Content-Type': 'application/json' } : {},
      body: takesBody ? JSON.stringify(body ?? {}) : undefined,
    });
    return (await response.json()) as ResponseOf<N>;
  }

  /** Begins an operation and follows it to its end. @throws ApiError also the operation's own error */
  async operate<N extends OperationEndpoint>(
    name: N,
    params: ParamsOf<N>,
    options: Options<N>,
    { onProgress, signal }: Following = {},
  ): Promise<Operation> {
    let operation = (await (this.call as CallAny).call(this, name, params, options)) as Operation;
    for (;;) {
      onProgress?.(operation);
      if (operation.error) {
        const { code, title, detail, errors } = operation.error;
        throw new ApiError(code, title, detail, errors);
      }
      if (operation.done) return operation;
      operation = await this.call(
        'waitOperation',
        { operation: operation.id },
        { query: { timeoutSeconds: 1 }, signal },
      );
    }
  }

  /** A request outside of the table, with the token. @throws ApiError */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const token = this.token();
    let response: Response;
    try {
      response = await fetch(path, {
        ...init,
        cache: 'no-store',
        credentials: 'omit',
        headers: { ...init.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      });
    } catch (thrown) {
      if (init.signal?.aborted) throw thrown;
      throw ApiError.unreachable(thrown);
    }
    if (response.ok) return response;
    const error = await ApiError.ofResponse(response);
    if (response.status === 401 && token !== undefined && token === this.token())
      this.onUnauthenticated(error);
    throw error;
  }

  /**
   * Puts a file, and tells how far it is, which `fetch` does not.
   * @param onSent bytes that are on their way @throws ApiError
   */
  async put(path: string, file: Blob, signal: AbortSignal, onSent: (bytes: number) => void): Promise<void> {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        request.upload.onprogress = ({ loaded }) => onSent(loaded);
        request.onload = () => resolve();
        request.onerror = () => reject(ApiError.unreachable('the connection broke off'));
        request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
        request.open('PUT', path);
        request.setRequestHeader('Content-Type', 'application/octet-stream');
        const token = this.token();
        if (token !== undefined) request.setRequestHeader('Authorization', `Bearer ${token}`);
        if (signal.aborted) return reject(new DOMException('cancelled', 'AbortError'));
        request.send(file);
      });
    } finally {
      signal.removeEventListener('abort', abort);
    }
    if (request.status >= 200 && request.status < 300) return;
    const error = ApiError.ofText(request.status, request.responseText);
    if (request.status === 401) this.onUnauthenticated(error);
    throw error;
  }

  /**
   * Lines of what comes as things happen (application/x-ndjson); ends with the stream, or its signal.
   * @throws ApiError
   */
  async *lines<T>(path: string, signal: AbortSignal): AsyncGenerator<T> {
    const response = await this.fetch(path, { signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let rest = '';
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
        rest = lines.pop() as string;
        for (const line of lines) yield JSON.parse(line) as T;
      }
    } catch (thrown) {
      if (!signal.aborted) throw ApiError.unreachable(thrown);
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}

/** The table's types say more than TypeScript can follow through a generic caller. */
type CallAny = (name: EndpointName, params: object, options?: object) => Promise<unknown>;
