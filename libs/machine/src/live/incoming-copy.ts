import type { MachineHead } from '../state/machine-state';
import type { PageBatch } from '../worker/live/pages';

/** The receiving end of a live copy: a machine that stands still until it is whole. */
export interface IncomingCopy {
  /** @throws V3Error INVALID_REQUEST: no such pages, or not as many bytes; nothing is written then */
  write(batch: PageBatch): Promise<void>;
  /**
   * All pages are there: the machine is whole and may be run.
   * @throws V3Error STATE_INCOMPATIBLE, STATE_CORRUPT; it stays half a machine, which won't run
   */
  finish(head: MachineHead): Promise<void>;
}
