import { createHash } from 'node:crypto';
import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { V3Error } from '@v3vee/contracts';
import { OperationRepository, RequestRepository, type RequestEntity } from '@v3vee/store';
import { PinoLogger } from 'nestjs-pino';
import { firstValueFrom, type Observable } from 'rxjs';
import { operationView } from '../operations/operation-view';

const HOUR = 3_600_000;
/** For how long a repeat gets the first result. */
const KEPT_MS = 24 * HOUR;

/**
 * AIP-155: a request with a request id takes effect once; its repeat gets the first result. Only results are
 * kept: a request that was refused had no effect, and may be sent again under its id.
 */
@Injectable()
export class RepeatableRequests implements OnApplicationBootstrap, OnApplicationShutdown {
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    private readonly requests: RequestRepository,
    private readonly operations: OperationRepository,
    private readonly log: PinoLogger,
  ) {
    log.setContext(RepeatableRequests.name);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.requests.releaseUnfinished();
    await this.sweep();
    this.sweeper = setInterval(() => {
      this.sweep().catch(error => this.log.warn({ err: error }, 'old requests were not removed'));
    }, HOUR);
    this.sweeper.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweeper);
  }

  /**
   * @param identity what makes the request this one: endpoint, parameters, query and body
   * @throws V3Error REQUEST_ID_REUSED, REQUEST_IN_PROGRESS, and what `handle` throws
   */
  async once(
    requestId: string,
    identity: unknown,
    status: number,
    handle: () => Observable<unknown>,
  ): Promise<unknown> {
    const fingerprint = createHash('sha256').update(canonical(identity)).digest('hex');
    const earlier = await this.requests.claim(requestId, fingerprint);
    if (earlier) return this.replay(earlier, fingerprint);
    let result: unknown;
    try {
      result = await firstValueFrom(handle());
    } catch (thrown) {
      await this.requests.release(requestId);
      throw thrown;
    }
    await this.requests.succeed(requestId, status, (result ?? {}) as object);
    return result;
  }

  private async replay(earlier: RequestEntity, fingerprint: string): Promise<unknown> {
    if (earlier.fingerprint !== fingerprint) {
      throw new V3Error(
        'REQUEST_ID_REUSED',
        `request id ${earlier.requestId} belongs to another request; take a new one for each request`,
      );
    }
    const operation = earlier.operationId === null ? null : await this.operations.get(earlier.operationId);
    if (operation) return operationView(operation);
    if (earlier.status === null) {
      throw new V3Error(
        'REQUEST_IN_PROGRESS',
        `the request ${earlier.requestId} is still under way; repeat it in a moment`,
      );
    }
    return earlier.response;
  }

  private async sweep(): Promise<void> {
    await this.requests.removeBefore(new Date(Date.now() - KEPT_MS));
  }
}

/** JSON whose keys are sorted at every level: the same request always gives the same text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
