import { V3Error } from '@v3vee/contracts';
import type { IncomingCopy, MachineHead } from '@v3vee/machine';
import { decodeHead, openMessage } from './page-stream';

/**
 * The receiving end of a page stream: each message once and in order, whatever arrives. A repeated one is answered like
 * the first time; one that comes too early tells that another was lost, which ends the stream.
 */
export class PageReceiver {
  /** Taken in so far. */
  pages = 0;
  #next = 0;
  #taken: Promise<void> = Promise.resolve();
  readonly #head: Uint8Array[] = [];
  #parts = 1;

  constructor(
    private readonly copy: Pick<IncomingCopy, 'write'>,
    private readonly memoryPages: number,
  ) {}

  /**
   * Resolves when the message, and all before it, is in the machine. What is refused for its form or its number leaves
   * the stream as it was; what can't be put in ends it.
   * @throws V3Error INVALID_REQUEST, MIGRATION_FAILED
   */
  async take(message: Uint8Array): Promise<void> {
    const { sequence, read } = openMessage(message, this.memoryPages);
    if (sequence < this.#next) return this.#taken;
    if (sequence > this.#next) throw lost(`message ${sequence} came where ${this.#next} was to come`);
    this.#next++;
    // Unpacked beside each other, put in one after the other: a later one may bring the same page.
    const content = read();
    content.catch(() => undefined);
    const before = this.#taken;
    const taken = (async () => {
      await before;
      const part = await content;
      if (part.kind === 'head') return this.#add(part);
      await this.copy.write(part);
      this.pages += part.numbers.length;
    })();
    taken.catch(() => undefined);
    this.#taken = taken;
    return taken;
  }

  /** All that the machine is but its memory. @throws V3Error MIGRATION_FAILED: it, or some of the pages, did not come */
  async whole(pages: number): Promise<MachineHead> {
    await this.#taken;
    if (this.pages !== pages) throw lost(`${this.pages} pages came, and ${pages} were sent`);
    if (this.#head.length < this.#parts) throw lost(`of the devices ${this.#head.length} parts came`);
    return decodeHead(this.#head);
  }

  #add({ part, parts, bytes }: { part: number; parts: number; bytes: Uint8Array }): void {
    if (part !== this.#head.length)
      throw lost(`part ${part} of the devices came as number ${this.#head.length}`);
    this.#parts = parts;
    this.#head.push(bytes);
  }
}

const lost = (what: string) => new V3Error('MIGRATION_FAILED', `something of the machine was lost: ${what}`);
