import { randomUUID } from 'node:crypto';
import {
  V3Error,
  inboxOf,
  overlayHost,
  subjectFor,
  validate,
  type Announcement,
  type Call,
  type Problem,
} from '@v3vee/contracts';
import {
  connect,
  ErrorCode,
  NatsError,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Status,
  type Subscription,
} from 'nats';
import type { z } from 'zod';
import { abortable } from './abortable';
import { natsOptions, redact } from './address';
import { Refusals } from './refusals';
import { answered, asked } from './traced';

export interface BusOptions {
  /** `nats://user:password@host:port`; a server that asks for no user needs none. */
  url: string;
  /** Shown in the server's connection list. */
  name: string;
  /** Told of dropped, invalid and refused messages and of lost and regained connections. */
  onNotice?: (notice: string, detail: Record<string, unknown>) => void;
  /** The client gave the connection up (it could not make sense of what it read): it won't come back. */
  onLost?: (reason: string) => void;
}

export interface Stoppable {
  stop(): void;
}

/** Answers carry either the result or a problem, so that an error crosses the wire as what it was. */
type Reply = { ok: unknown } | { problem: Problem };

const text = { encode: new TextEncoder(), decode: new TextDecoder() };

/**
 * Typed requests, announcements and raw bytes over one core-NATS connection. What arrives is validated
 * against the contract; what does not fit is dropped, counted and reported, and never throws into a handler.
 */
export class Bus {
  /** Messages that did not fit their contract. */
  invalid = 0;
  /** What is to be heard and is not, because the server refuses it. */
  readonly deaf = new Set<string>();
  private readonly refusals: Refusals;
  /** Where our answers come: {@link inboxOf} the user. */
  private readonly inbox: string;
  private readonly closed = new AbortController();

  private constructor(
    private readonly connection: NatsConnection,
    user: string | undefined,
    private readonly notice: NonNullable<BusOptions['onNotice']>,
  ) {
    this.inbox = inboxOf(user ?? randomUUID());
    this.refusals = new Refusals(notice);
    void connection.closed().then(() => {
      this.closed.abort(new V3Error('SERVICE_UNAVAILABLE', 'the connection to NATS is closed'));
    });
    void this.watch();
  }

  /**
   * @throws V3Error SERVICE_UNAVAILABLE when the server can't be reached within 5 s, BUS_REFUSED when it does not know
   * the user or the password
   */
  static async connect(options: BusOptions): Promise<Bus> {
    const { servers, ...credentials } = natsOptions(options.url);
    try {
      const connection = await connect({
        servers,
        ...credentials,
        // Its user may be let in again; meanwhile we are not ready, and say so.
        ignoreAuthErrorAbort: true,
        name: options.name,
        timeout: 5_000,
        // A lost server comes back on the same address (the supervisor restarts it): never give up.
        maxReconnectAttempts: -1,
        reconnectTimeWait: 100,
        reconnectJitter: 100,
        noEcho: false,
      });
      const bus = new Bus(connection, credentials.user, options.onNotice ?? (() => undefined));
      void connection.closed().then(error => {
        if (!bus.closing) options.onLost?.(error ? error.message : 'the connection was closed');
      });
      return bus;
    } catch (cause) {
      const at = redact(options.url);
      if (cause instanceof NatsError && cause.code === ErrorCode.AuthorizationViolation) {
        const who = credentials.user ? `user ${credentials.user}` : 'who names no user';
        throw new V3Error('BUS_REFUSED', `NATS at ${at} does not let ${who} in`, { cause });
      }
      throw new V3Error('SERVICE_UNAVAILABLE', `NATS at ${at} can't be reached`, { cause });
    }
  }

  /** How often the server did not let us say or hear something. */
  get refused(): number {
    return this.refusals.total;
  }

  get connected(): boolean {
    return !this.connection.isClosed() && this.isUp;
  }
  private isUp = true;
  private closing = false;
  private readonly subscriptions = new Set<Subscription>();
  private readonly reconnectListeners = new Set<() => void>();

  /** Called after each regained connection: messages sent meanwhile by others were lost. */
  onReconnect(listener: () => void): Stoppable {
    this.reconnectListeners.add(listener);
    return { stop: () => this.reconnectListeners.delete(listener) };
  }

  private async watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'error') this.wasRefused(status);
      if (status.type === 'disconnect') this.isUp = false;
      if (status.type === 'reconnect') {
        this.isUp = true;
        for (const listener of this.reconnectListeners) listener();
      }
      if (status.type === 'disconnect' || status.type === 'reconnect') this.notice(`NATS ${status.type}`, {});
    }
  }

  private wasRefused({ data, permissionContext }: Status): void {
    if (permissionContext) this.refusals.add(permissionContext.operation, permissionContext.subject);
    else if (data === ErrorCode.AuthorizationViolation) this.refusals.add('connect', 'as this user');
  }

  /**
   * Its answer comes to a subject of its own, which nobody but who was asked can know; the client's shared one is
   * known to all who were ever asked, and they could answer for each other.
   */
  private request(
    subject: string,
    bytes: Uint8Array,
    timeout: number,
    signal?: AbortSignal,
    headers?: MsgHdrs,
  ): Promise<Msg> {
    const reply = `${this.inbox}.${randomUUID()}`;
    const answer = abortable(
      this.connection.request(subject, bytes, { timeout, noMux: true, reply, headers }),
      this.closed.signal,
    );
    return signal ? abortable(answer, signal) : answer;
  }

  /** Asks one service. Errors of the other side arrive as the V3Error that was thrown there. */
  call<Q extends z.ZodType, R extends z.ZodType>(
    contract: Call<Q, R>,
    host: string | undefined,
    request: z.input<Q>,
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<z.output<R>> {
    const subject = subjectFor(contract, host);
    return asked(contract, subject, headers => this.ask(contract, subject, request, options, headers));
  }

  private async ask<Q extends z.ZodType, R extends z.ZodType>(
    contract: Call<Q, R>,
    subject: string,
    request: z.input<Q>,
    options: { timeoutMs?: number; signal?: AbortSignal },
    headers: MsgHdrs | undefined,
  ): Promise<z.output<R>> {
    const timeout = options.timeoutMs ?? contract.timeoutMs;
    let message: Msg;
    try {
      message = await this.request(subject, encode(request), timeout, options.signal, headers);
    } catch (cause) {
      if (cause instanceof V3Error) throw cause;
      throw callFailed(subject, timeout, cause);
    }
    const reply = decode(message.data) as Reply;
    if (reply !== null && typeof reply === 'object' && 'problem' in reply)
      throw V3Error.fromProblem(reply.problem);
    return validate(contract.response, (reply as { ok?: unknown } | null)?.ok, 'INTERNAL');
  }

  /**
   * Serves a call. What the handler throws goes back to the caller; a bad request never reaches the handler. `host` may
   * be `'*'`: the handler then learns which host it was.
   */
  serve<Q extends z.ZodType, R extends z.ZodType>(
    contract: Call<Q, R>,
    host: string | undefined,
    handler: (request: z.output<Q>, host: string) => Promise<z.input<R>> | z.input<R>,
  ): Stoppable {
    const subject = subjectFor(contract, host);
    const hostOf = hostIn(contract);
    const handle = (message: Msg): Promise<z.input<R>> | z.input<R> => {
      const request = validate(contract.request, decode(message.data));
      const from = hostOf(message);
      if (host === '*') validate(overlayHost, from);
      return handler(request, from);
    };
    const answer = async (message: Msg): Promise<void> => {
      let reply: Reply;
      try {
        reply = { ok: await answered(contract, message, handle) };
      } catch (thrown) {
        const error = V3Error.from(thrown);
        if (error.code === 'INTERNAL') {
          this.notice(`${subject} failed`, {
            error: error.message,
            stack: (error.cause as Error | undefined)?.stack,
          });
        }
        reply = { problem: error.toProblem() };
      }
      if (message.reply && !this.connection.isClosed()) message.respond(encode(reply));
    };
    return this.subscribe(subject, message => void answer(message));
  }

  announce<M extends z.ZodType>(
    contract: Announcement<M>,
    host: string | undefined,
    message: z.input<M>,
  ): void {
    this.publishRaw(subjectFor(contract, host), encode(message));
  }

  /** `host` may be `'*'`: the listener then learns which host it was. */
  listen<M extends z.ZodType>(
    contract: Announcement<M>,
    host: string | undefined,
    listener: (message: z.output<M>, host: string) => void,
  ): Stoppable {
    const hostOf = hostIn(contract);
    return this.subscribe(subjectFor(contract, host), message => {
      let content: z.output<M>;
      try {
        content = validate(contract.message, decode(message.data));
      } catch (error) {
        this.invalid++;
        this.notice(`dropped an invalid message on ${message.subject}`, { error: (error as Error).message });
        return;
      }
      listener(content, hostOf(message));
    });
  }

  publishRaw(subject: string, bytes: Uint8Array): void {
    if (this.connection.isClosed()) return;
    this.connection.publish(subject, bytes);
  }

  /**
   * Sends raw bytes and tells what became of them: `taken` by a listener (`subscribeRaw`), `nobody` listens
   * (they surely reached no one), or `unknown` (the server or the listener went away meanwhile).
   */
  async deliverRaw(
    subject: string,
    bytes: Uint8Array,
    timeoutMs: number,
  ): Promise<'taken' | 'nobody' | 'unknown'> {
    try {
      await this.request(subject, bytes, timeoutMs);
      return 'taken';
    } catch (thrown) {
      return thrown instanceof NatsError && thrown.code === ErrorCode.NoResponders ? 'nobody' : 'unknown';
    }
  }

  subscribeRaw(subject: string, listener: (bytes: Uint8Array, subject: string) => void): Stoppable {
    return this.subscribe(subject, message => {
      listener(plain(message.data), message.subject);
      // The sender of `deliverRaw` wants to know.
      if (message.reply) message.respond();
    });
  }

  /** Answers raw bytes once `take` has resolved: with nothing, or with what it threw. */
  serveRaw(subject: string, take: (bytes: Uint8Array) => Promise<void>): Stoppable {
    return this.subscribe(subject, message => {
      const answer = (bytes?: Uint8Array) => this.connection.isClosed() || message.respond(bytes);
      take(plain(message.data)).then(
        () => answer(),
        (thrown: unknown) => answer(encode({ problem: V3Error.from(thrown).toProblem() } satisfies Reply)),
      );
    });
  }

  /**
   * Sends raw bytes to who serves them (`serveRaw`); resolves when they were taken in.
   * @throws V3Error what the other side threw, SERVICE_UNAVAILABLE, TIMEOUT, BUS_REFUSED
   */
  async requestRaw(
    subject: string,
    bytes: Uint8Array,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<void> {
    const answer = await this.request(subject, bytes, timeoutMs, signal).catch((thrown: unknown) => {
      throw thrown instanceof V3Error ? thrown : callFailed(subject, timeoutMs, thrown);
    });
    if (answer.data.length === 0) return;
    const reply = decode(answer.data) as Reply | null;
    throw V3Error.fromProblem((reply && 'problem' in reply && reply.problem) || {});
  }

  private subscribe(subject: string, callback: (message: Msg) => void): Stoppable {
    const subscription: Subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error?.code === ErrorCode.PermissionsViolation) return void this.deaf.add(subject);
        if (error) return this.notice(`subscription ${subject} failed`, { error: error.message });
        try {
          callback(message);
        } catch (thrown) {
          // One bad message must not end the subscription, let alone the service.
          this.invalid++;
          this.notice(`a message on ${message.subject} was dropped`, { error: (thrown as Error).message });
        }
      },
    });
    this.subscriptions.add(subscription);
    return {
      stop: () => {
        this.subscriptions.delete(subscription);
        if (!this.connection.isClosed()) subscription.unsubscribe();
      },
    };
  }

  /** How many subscriptions there are that were not stopped. */
  get listening(): number {
    return this.subscriptions.size;
  }

  /** Resolves when the server has seen all that was sent before. */
  async flush(): Promise<void> {
    await this.connection.flush();
  }

  async close(): Promise<void> {
    this.closing = true;
    if (this.connection.isClosed()) return;
    // A drain needs the server; when it is gone there is nothing to wait for.
    await (this.isUp
      ? this.connection.drain().catch(() => this.connection.close())
      : this.connection.close());
  }
}

/**
 * What the client hands out are Buffers, views of the bytes it is still parsing. `Buffer.slice` makes another
 * view, not a copy; whoever "copies" with it and transfers the copy to a thread takes the client's bytes away.
 */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Which host a message's subject names; none: the empty string. */
function hostIn(contract: { subject: string }): (message: Msg) => string {
  const position = contract.subject.split('.').indexOf('{host}');
  return ({ subject }) => (position < 0 ? '' : (subject.split('.')[position] ?? ''));
}

function encode(value: unknown): Uint8Array {
  return text.encode.encode(JSON.stringify(value ?? {}));
}

function decode(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text.decode.decode(bytes));
  } catch (cause) {
    throw new V3Error('MALFORMED_JSON', 'the message is not JSON', { cause });
  }
}

function callFailed(subject: string, timeoutMs: number, cause: unknown): V3Error {
  const code = cause instanceof NatsError ? cause.code : '';
  if (code === ErrorCode.NoResponders) {
    return new V3Error('SERVICE_UNAVAILABLE', `nobody serves ${subject}`, { cause });
  }
  if (code === ErrorCode.PermissionsViolation) {
    return new V3Error('BUS_REFUSED', `the NATS server does not let this service ask ${subject}`, { cause });
  }
  if (code === ErrorCode.Timeout) {
    return new V3Error('TIMEOUT', `${subject} gave no answer within ${timeoutMs} ms`, { cause });
  }
  return new V3Error('SERVICE_UNAVAILABLE', `${subject}: ${(cause as Error).message}`, { cause });
}
