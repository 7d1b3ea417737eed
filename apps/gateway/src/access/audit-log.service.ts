import type { IncomingMessage, ServerResponse } from 'node:http';
import { BeforeApplicationShutdown, Injectable, OnApplicationBootstrap } from '@nestjs/common';
import { refusedStatuses, streams, type StreamEndpoint } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { AuditRepository, type NewAuditEntry } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';
import { carried } from '../http/endpoint';
import { RateLimits } from './rate-limits';

const DAY_MS = 86_400_000;
/** An address of a request can be long; what matters is at its beginning. */
const MAX_TARGET = 500;
/** What nobody we know was refused, a second; more is counted only, or anybody could fill the disk. */
const STRANGERS_RATE = 2;
const STRANGERS_BURST = 100;

/** Writes down who changed what, or was refused something. What only looks is not written down, but for streams. */
@Injectable()
export class AuditLog implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly strangers = new RateLimits(STRANGERS_RATE, STRANGERS_BURST);
  private leftOut = 0;
  private writing: Promise<void> = Promise.resolve();
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly entries: AuditRepository,
    @Config() private readonly config: GatewayConfig,
    private readonly log: PinoLogger,
  ) {
    log.setContext(AuditLog.name);
  }

  async onApplicationBootstrap(): Promise<void> {
    const sweep = () =>
      this.entries
        .removeBefore(new Date(Date.now() - this.config.V3_AUDIT_DAYS * DAY_MS))
        .catch(error => this.log.warn({ err: error }, 'old entries of the audit log were not removed'));
    await sweep();
    this.sweeper = setInterval(() => void sweep(), DAY_MS / 24).unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.sweeper);
    await this.settled();
  }

  /** All entries so far are in the store, or given up. */
  settled(): Promise<void> {
    return this.writing;
  }

  /** When its answer has ended it is written down, if it is to be. */
  follow(request: IncomingMessage & { originalUrl: string }, response: ServerResponse): void {
    const at = new Date();
    const from = addressOf(request);
    response.once('close', () => {
      const status = response.writableFinished ? response.statusCode : 0;
      this.record(request, request.originalUrl, { at, from, status });
    });
  }

  record(
    request: IncomingMessage,
    url: string,
    { at, from, status }: { at: Date; from: string; status: number },
  ): void {
    const { identity, action, code, input } = carried(request);
    const { method = '' } = request;
    const stream = (streams as Record<string, StreamEndpoint>)[action ?? ''];
    const isChange = method !== 'GET' && method !== 'HEAD';
    if (!(stream?.audited ?? isChange) && !refusedStatuses.includes(status)) return;
    if (!identity && this.strangers.wait('') > 0) return void this.leftOut++;
    this.add({
      at,
      user: identity?.user ?? null,
      token: identity?.tokenId ?? null,
      project: identity?.project ?? null,
      action: action ?? method,
      target: url.slice(0, MAX_TARGET),
      source: from,
      status,
      code: code ?? null,
      requestId: input?.caller.requestId ?? null,
    });
  }

  private add(entry: NewAuditEntry): void {
    if (this.leftOut > 0) this.log.warn({ leftOut: this.leftOut }, 'refusals of strangers were left out');
    this.leftOut = 0;
    this.writing = this.writing
      .then(() => this.entries.add([entry]))
      .catch(error => this.log.error({ err: error, entry }, 'an entry of the audit log was not written'));
  }
}

/** An IPv4 client of a socket for both is shown as such. */
export const addressOf = ({ socket }: IncomingMessage): string =>
  (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
