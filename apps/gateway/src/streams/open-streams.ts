import { V3Error } from '@v3vee/contracts';
import type { Request, Response } from 'express';

/** How many of a kind may be under way at a time, unless its kind says otherwise. */
const MAX_OPEN = 64;

interface Endable {
  readonly ended: Promise<void>;
  open(): Promise<void>;
  end(reason: string): void;
}

/** The streams of one kind that clients have open. */
export class OpenStreams {
  private readonly open = new Set<Endable>();

  /** @param plural for people, for example "traces" */
  constructor(
    private readonly plural: string,
    private readonly most = MAX_OPEN,
  ) {}

  get size(): number {
    return this.open.size;
  }

  /** @throws V3Error SERVICE_UNAVAILABLE when there are too many already */
  assertRoom(): void {
    if (this.open.size < this.most) return;
    throw new V3Error('SERVICE_UNAVAILABLE', `${this.most} ${this.plural} are under way; end one first`);
  }

  /**
   * Answers a request with a stream; resolves when it is under way.
   * @throws V3Error why it can't be; then nothing has been written
   */
  async answer(request: Request, response: Response, type: string, make: () => Endable): Promise<void> {
    response.setHeader('Content-Type', type);
    response.setHeader('Cache-Control', 'no-store');
    if (request.method === 'HEAD') return void response.end();
    const stream = make();
    this.open.add(stream);
    void stream.ended.then(() => this.open.delete(stream));
    await stream.open();
    // Where nothing happens there is no first item: its reader learns now that it is under way.
    if (!response.headersSent) response.flushHeaders();
  }

  /** All of them, with a reason that their readers find at the end. */
  endAll(reason: string): void {
    for (const stream of this.open) stream.end(reason);
  }
}
