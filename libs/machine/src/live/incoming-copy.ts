import { types } from 'node:util';
import { V3Error } from '@v3vee/contracts';
import type { MachineHead } from '../state/machine-state';
import { ownsBuffer } from '../worker/shared';
import { BATCH_PAGES, PAGE_BYTES, type PageBatch } from '../worker/live/pages';

/** The receiving end of a live copy: a machine that stands still until it is whole. */
export interface IncomingCopy {
  /**
   * Resolves when the pages are in the machine; a later one of a page replaces an earlier one. Takes `bytes` over.
   * @throws V3Error INVALID_REQUEST: no such pages, or not as many bytes; nothing is written then.
   * VM_WRONG_STATE: the copy was finished, or the machine loaded a state
   */
  write(batch: PageBatch): Promise<void>;
  /**
   * All pages are there: the machine is whole and may be run.
   * @throws V3Error INVALID_REQUEST, STATE_INCOMPATIBLE, STATE_CORRUPT: it stays half a machine, which won't run, until a
   * right head or another state comes. VM_WRONG_STATE as {@link write}
   */
  finish(head: MachineHead): Promise<void>;
}

/** What a copy asks of the thread that takes it in. */
export interface CopyTarget {
  write(batch: PageBatch): Promise<void>;
  finish(head: MachineHead): Promise<void>;
}

/** Checks what comes before it crosses into the thread. */
export class CheckedCopy implements IncomingCopy {
  constructor(
    private readonly memoryPages: number,
    private readonly target: CopyTarget,
  ) {}

  async write(batch: PageBatch): Promise<void> {
    checkBatch(batch, this.memoryPages);
    const { numbers, bytes } = batch;
    await this.target.write({ numbers, bytes: ownsBuffer(bytes) ? bytes : new Uint8Array(bytes) });
  }

  async finish(head: MachineHead): Promise<void> {
    const devices = head?.devices as unknown;
    if (!types.isUint8Array(devices)) {
      throw new V3Error('INVALID_REQUEST', `the devices of a machine are bytes, not ${typeof devices}`);
    }
    await this.target.finish(head);
  }
}

function checkBatch(batch: PageBatch, memoryPages: number): void {
  const refuse = (what: string) =>
    new V3Error('INVALID_REQUEST', `a batch of pages can't be written: ${what}`);
  const { numbers, bytes } = batch ?? {};
  if (!types.isUint32Array(numbers) || !types.isUint8Array(bytes)) {
    throw refuse('it has no numbers (Uint32Array) or no bytes (Uint8Array)');
  }
  const count = numbers.length;
  if (count < 1 || count > BATCH_PAGES) throw refuse(`it has 1 to ${BATCH_PAGES} pages, not ${count}`);
  if (bytes.length !== count * PAGE_BYTES) {
    throw refuse(`${count} pages have ${count * PAGE_BYTES} bytes, not ${bytes.length}`);
  }
  const beyond = numbers.find(page => page >= memoryPages);
  if (beyond !== undefined) throw refuse(`there is no page ${beyond}, the machine has ${memoryPages}`);
}
