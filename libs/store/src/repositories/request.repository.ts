import { DataSource, IsNull, LessThan, type EntityManager } from 'typeorm';
import { violatedConstraint } from '../constraints';
import { RequestEntity } from '../entities';

/** Requests with an id, kept so that a repeat gets the first result. Written by the gateway only. */
export class RequestRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of() {
    return this.dataSource.getRepository(RequestEntity);
  }

  /** Enters a request as under way. @returns the earlier one when the id is known, else null */
  async claim(requestId: string, fingerprint: string): Promise<RequestEntity | null> {
    for (;;) {
      try {
        await this.of().insert({ requestId, fingerprint });
        return null;
      } catch (thrown) {
        if (violatedConstraint(thrown) !== 'request_id_unique') throw thrown;
      }
      const earlier = await this.of().findOneBy({ requestId });
      // It may have been released between the two statements: then it is ours to claim.
      if (earlier) return earlier;
    }
  }

  /** In the transaction that enters the operation, so that no crash can come between the two. */
  async bind(requestId: string, operationId: string, manager: EntityManager): Promise<void> {
    await manager.getRepository(RequestEntity).update({ requestId }, { operationId });
  }

  /** Keeps the first result. */
  async succeed(requestId: string, status: number, response: object): Promise<void> {
    await this.of().update({ requestId }, { status, response });
  }

  /** Forgets a request that had no effect, so that it may be tried again. */
  async release(requestId: string): Promise<void> {
    await this.of().delete({ requestId, operationId: IsNull() });
  }

  /** After a restart: requests whose process died half way. Those that made an operation have their result. */
  async releaseUnfinished(): Promise<void> {
    await this.of().delete({ status: IsNull(), operationId: IsNull() });
  }

  async removeBefore(instant: Date): Promise<void> {
    await this.of().delete({ createdAt: LessThan(instant) });
  }
}
